/* Test files and vectors that are no part of the project. The CMake option VP_SHARED names their
 * folder, which holds corpus/tests, corpus/hostile and spec/vectors.jsonl; it has no default. */
#pragma once

/* The path of what lies `below` the folder, valid until the next call. Without VP_SHARED the test is
 * skipped and says how to name the folder; with it, what is missing is a failure. */
const char *shared_path(const char *below);
