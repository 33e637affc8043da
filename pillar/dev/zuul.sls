# The tenants of Zuul. Nothing here is secret.
zuul:
  # The hosts of the lab share this folder.
  wheels: /root/.cache/pip/wheelhouse
  tenants:
    - tenant:
        name: lab
        use-nodepool: false
        source:
          gerrit:
            config-projects: [zuul-config]
            untrusted-projects: []
