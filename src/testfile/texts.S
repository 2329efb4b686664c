/* GUIDE.md in the binary: the page, the manual page and the file that people read in the repository
 * are one text. schema.json: the part of the JSON Schema that does not come from the tables. */
    .section .rodata
    .global testfile_guide_start, testfile_guide_end, testfile_schema_start, testfile_schema_end
testfile_guide_start:
    .incbin "GUIDE.md"
testfile_guide_end:
testfile_schema_start:
    .incbin "schema.json"
testfile_schema_end:
    .section .note.GNU-stack,"",%progbits
