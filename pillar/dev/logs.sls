# The accounts that upload logs in the lab. The private half of the key, thrown away with the lab, is
# logs-upload.key beside this file; a config project holds it as a secret (examples/zuul-config).
logs:
  contexts:
    jobs: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOkP9ZwXSsrrs/OyhDDEPS1utwqcvwxt9f98xFN7DcIn logs-upload@lab]}
    release: {keys: []}
