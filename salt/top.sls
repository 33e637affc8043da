# Roles to states. The hosts' own states are not here yet.
base:
  'review*':
    - gerrit.access
