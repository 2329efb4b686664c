/* script.lua in the binary: the file that people read in the repository is what Redis runs. */
    .section .rodata
    .global store_script_start, store_script_end
store_script_start:
    .incbin "script.lua"
store_script_end:
    .section .note.GNU-stack,"",%progbits
