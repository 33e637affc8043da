# The Gerrit of the lab; which program it is stands in gerrit_program.sls.
{% import_yaml 'site.yaml' as site %}
include:
  - gerrit_program
gerrit:
  server_id: 5f0a2f4e-6f0b-4a53-9c0f-3c3b8f2b7d11
  heap: 512m
  accounts:
    saltern:
      name: Saltern
      email: saltern@{{ site.domain }}
      groups: [Administrators]
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHE+bSQz3muEL1i7CxjD+wP54GfcEv+GVBXdKOdvYW1g]
    labadmin:
      name: Admin of the lab
      email: labadmin@{{ site.domain }}
      groups: [Administrators]
      ssh_keys: {{ site.admins.labadmin['keys'] | json }}
    mirror:
      name: Mirror
      email: mirror@{{ site.domain }}
    zuul:
      name: Zuul
      email: zuul@{{ site.domain }}
      groups: [Service Users, Continuous Integration Tools]
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZHhsoeZPcjCjUG0kPp0nE9JH0pcu4CvY7uW3wmerrw]
