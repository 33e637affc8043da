# The Gerrit of the site: an example. Which release, from where, and who has an account for programs.
# docs/gerrit-host.md says what else there is; passwords and keys are in secrets/gerrit.sls.
{% import_yaml 'site.yaml' as site %}
java:
  package: openjdk-21-jre-headless
gerrit:
  server_id: 00000000-0000-4000-8000-000000000000
  heap: 4g
  war:
    version: 3.13.1
    sha256: '0000000000000000000000000000000000000000000000000000000000000000'
    maven: {repository: 'https://repository.example.org/maven2'}
  accounts:
    saltern:
      name: Saltern
      email: saltern@{{ site.domain }}
      groups: [Administrators]
    mirror:
      name: Mirror
      email: mirror@{{ site.domain }}
    zuul:
      name: Zuul
      email: zuul@{{ site.domain }}
      groups: [Service Users, Continuous Integration Tools]
