{% from tpldir ~ '/map.jinja' import artifacts with context %}
{% from 'logs/uploader.jinja' import uploader with context %}
{% import_yaml 'nginx/defaults.yaml' as nginx %}
{% set hsts = salt['pillar.get']('nginx:hsts_seconds', nginx.hsts_seconds) %}
{% set accounts = [] %}
{% set public = artifacts.contexts | dictsort | selectattr('1.public') | map('first') | list %}

include:
  - nginx
  - sshd

{% if 'logs' not in pillar.roles %}{# they come with the logs, else #}
artifacts-packages:
  pkg.installed:
    - pkgs: [rsync, python3]
    - install_recommends: False
{% endif %}

{% for folder in ['', '/incoming', '/staging', '/public'] %}
artifacts-root{{ folder }}:
  file.directory:
    - name: {{ artifacts.root }}{{ folder }}
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True
{% endfor %}

{% for context, row in artifacts.contexts | dictsort %}
{% do accounts.append('artifacts-' ~ context) %}
{{ uploader('artifacts-' ~ context, artifacts.root ~ '/incoming/' ~ context, row['keys']) }}
{% endfor %}

artifacts-ssh:
  file.managed:
    - name: /etc/ssh/sshd_config.d/30-artifacts.conf
    - source: salt://logs/files/sshd.conf
    - template: jinja
    - context: {accounts: {{ accounts | json }}}
    - makedirs: True
    - mode: '0644'
    - watch_in:
      - service: sshd

artifacts-publish-script:
  file.managed:
    - name: /usr/local/lib/saltern/artifacts-publish
    - source: salt://artifacts/files/artifacts-publish
    - makedirs: True
    - mode: '0755'

{% for unit in ['artifacts-publish.service', 'artifacts-publish.timer'] %}
{{ unit }}-unit:
  file.managed:
    - name: /etc/systemd/system/{{ unit }}
    - source: salt://artifacts/files/{{ unit }}
    - template: jinja
    - context: {config: {{ artifacts | json }}, public: {{ public | json }}}
    - mode: '0644'
{% endfor %}

artifacts-units:
  cmd.run:
    - name: systemctl daemon-reload
    - onchanges:
      - file: artifacts-publish.service-unit
      - file: artifacts-publish.timer-unit

artifacts-publish:
  service.running:
    - name: artifacts-publish.timer
    - enable: True
    - require:
      - file: artifacts-publish-script
    - watch:
      - file: artifacts-publish.timer-unit

artifacts-site:
  file.managed:
    - name: /etc/nginx/sites-enabled/artifacts.conf
    - source: salt://artifacts/files/nginx.conf
    - template: jinja
    - context: {config: {{ artifacts | json }}, hsts: {{ hsts | json }}}
    - mode: '0644'
    - require:
      - pkg: nginx
    - watch_in:
      - service: nginx

artifacts-backup:
  file.managed:
    - name: /etc/saltern/backup.d/artifacts
    - source: salt://artifacts/files/backup
    - template: jinja
    - context: {config: {{ artifacts | json }}}
    - makedirs: True
    - mode: '0644'
