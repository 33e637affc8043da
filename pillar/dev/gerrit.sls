# The Gerrit of the lab: the stand-in, which is not Gerrit. With a WAR, see docs/gerrit-host.md.
{% import_yaml 'site.yaml' as site %}
java:
  package: null
gerrit:
  server_id: 5f0a2f4e-6f0b-4a53-9c0f-3c3b8f2b7d11
  heap: 512m
  program: [/opt/saltern/bin/python]
  war:
    version: 3.14.0-standin
    standin: true
  accounts:
    saltern:
      name: Saltern
      email: saltern@{{ site.domain }}
      groups: [Administrators]
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHE+bSQz3muEL1i7CxjD+wP54GfcEv+GVBXdKOdvYW1g]
    zuul:
      name: Zuul
      email: zuul@{{ site.domain }}
      groups: [Service Users, Continuous Integration Tools]
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZHhsoeZPcjCjUG0kPp0nE9JH0pcu4CvY7uW3wmerrw]
