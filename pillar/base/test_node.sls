# Who may log in to test nodes: write the public half of zuul:executor:ssh_key.
test_node:
  keys: []
