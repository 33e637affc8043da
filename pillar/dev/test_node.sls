# Who may log in to test nodes: the public half of zuul:executor:ssh_key.
test_node:
  keys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIETAXrZvj16A8xg3Dd1kLfL+ZqReoHYP2psO1JUJZFFA zuul-nodes@lab (not a secret)
