# Brings an empty site up; run again, it repairs one. The order is that of roles.yaml.
bootstrap:
  salt.runner:
    - name: rollout.bootstrap
