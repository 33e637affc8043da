# The tenants of Zuul. Nothing here is secret.
zuul:
  tenants:
    - tenant:
        name: example
        use-nodepool: false
        source:
          gerrit:
            config-projects: [zuul-config]
            untrusted-projects: []
