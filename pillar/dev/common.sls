# Vagrant logs in as its own account.
sshd:
  allow_groups: [vagrant]
