/* The files that `virtuoso-proxy init` writes, as they lie in conf/ci. */
    .section .rodata
    .global cli_example_start, cli_example_end, cli_github_start, cli_github_end
    .global cli_gitlab_start, cli_gitlab_end, cli_azure_start, cli_azure_end
    .global cli_jenkins_start, cli_jenkins_end
cli_example_start:
    .incbin "example.yaml"
cli_example_end:
cli_github_start:
    .incbin "github.yml"
cli_github_end:
cli_gitlab_start:
    .incbin "gitlab.yml"
cli_gitlab_end:
cli_azure_start:
    .incbin "azure.yml"
cli_azure_end:
cli_jenkins_start:
    .incbin "Jenkinsfile"
cli_jenkins_end:
    .section .note.GNU-stack,"",%progbits
