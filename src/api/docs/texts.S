/* In the binary: MOVING.md (GET /docs/moving), and scripts and style of /ui and /ui/runs. */
    .section .rodata
    .global api_moving_start, api_moving_end
api_moving_start:
    .incbin "MOVING.md"
api_moving_end:
    .global api_live_start, api_live_end
api_live_start:
    .incbin "live.js"
api_live_end:
    .global api_runs_start, api_runs_end
api_runs_start:
    .incbin "runs.js"
api_runs_end:
    .global api_ui_style_start, api_ui_style_end
api_ui_style_start:
    .incbin "ui.css"
api_ui_style_end:
    .section .note.GNU-stack,"",%progbits
