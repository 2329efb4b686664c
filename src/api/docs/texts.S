/* MOVING.md in the binary: GET /docs/moving. */
    .section .rodata
    .global api_moving_start, api_moving_end
api_moving_start:
    .incbin "MOVING.md"
api_moving_end:
    .section .note.GNU-stack,"",%progbits
