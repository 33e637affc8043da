# The accounts that upload logs in the lab. The private halves of the keys, thrown away with the lab,
# are logs-upload.key (jobs) and logs-release.key beside this file; a config project holds such a key
# as a secret (examples/zuul-config).
logs:
  contexts:
    jobs: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOkP9ZwXSsrrs/OyhDDEPS1utwqcvwxt9f98xFN7DcIn logs-upload@lab]}
    release: {keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILfBC8QykB2rXcU3rueb3vPgGnm/MBY0yRaIRUMPE0S8 logs-release@lab]}
