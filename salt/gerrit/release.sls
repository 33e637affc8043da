{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% from tpldir ~ '/settings.jinja' import command, url with context %}
{% set war = gerrit.war %}
{% if war.maven is defined %}
{% set artifact = war.maven.artifact | default('gerrit-war') %}
{% set group = war.maven.group | default('com.google.gerrit') | replace('.', '/') %}
{% set source = [war.maven.repository, group, artifact, war.version, artifact ~ '-' ~ war.version ~ '.war'] | join('/') %}
{% elif war.standin is defined %}
{% set source = 'salt://dist/gerrit-standin.war' %}
{% else %}
{% set source = war.url | default(war.file) %}
{% endif %}

gerrit-release:
  gerrit_site.released:
    - name: {{ gerrit.site }}
    - version: {{ war.version | json }}
    - source: {{ source | json }}
    - sha256: {{ war.sha256 | default(none) | json }}
    - wars: {{ gerrit.wars }}
    - backups: {{ gerrit.backups }}
    - keep: {{ gerrit.keep_backups }}
    - command: {{ command | json }}
    - unit: gerrit.service
    - user: gerrit
    - url: {{ url }}
    - ssh_port: {{ gerrit.ssh_port }}
    - up_seconds: {{ gerrit.up_seconds }}
    - require:
      - sls: java
      - sls: gerrit.account
      - sls: gerrit.config
      - file: gerrit-unit
