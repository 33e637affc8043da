# Brings a running site to the state of the tree, one host at a time, until one fails.
upgrade:
  salt.runner:
    - name: rollout.upgrade
