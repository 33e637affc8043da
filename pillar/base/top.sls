# Which minion gets which pillar. A secret goes to the minion that uses it and to no other; the
# folder `secrets` is not here: it comes from a private tree, or from pillar/dev with fake ones.
base:
  'review*':
    - saltern.gerrit
    - secrets.gerrit
  'git*':
    - saltern.mirror
    - secrets.mirror
