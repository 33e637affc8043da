# The accounts that upload logs, one a security context (salt/logs); public keys only.
logs:
  contexts:
    check: {keys: []}
    release: {keys: []}
