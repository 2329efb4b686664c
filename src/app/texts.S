/* completion.bash, completion.fish and man.roff in the binary: what stands there as @{name} is written by the program. */
    .section .rodata
    .global completion_bash_start, completion_bash_end, completion_fish_start, completion_fish_end
    .global man_page_start, man_page_end
completion_bash_start:
    .incbin "completion.bash"
completion_bash_end:
completion_fish_start:
    .incbin "completion.fish"
completion_fish_end:
man_page_start:
    .incbin "man.roff"
man_page_end:
    .section .note.GNU-stack,"",%progbits
