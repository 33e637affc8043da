include:
  - java
  - nginx
  - gerrit.account
  - gerrit.config
  - gerrit.release
  - gerrit.service
  - gerrit.proxy
  - gerrit.accounts
  - gerrit.access
  - gerrit.votes
  - gerrit.backup

extend:
  All-Projects:
    gerrit:
      - require:
        - gerrit_site: gerrit-reachable
