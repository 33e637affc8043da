include:
  - tls.host
  - tls.trust
  - tls.ssh
