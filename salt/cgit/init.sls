{% from tpldir ~ '/map.jinja' import cgit with context %}
{% import_yaml 'git_mirror/defaults.yaml' as mirror %}
{% set root = salt['pillar.get']('git_mirror:root', mirror.root) %}

include:
  - git_mirror

cgit-package:
  pkg.installed:
    - name: cgit
    - install_recommends: False

cgit-config:
  file.managed:
    - name: /etc/cgitrc
    - source: salt://cgit/files/cgitrc
    - template: jinja
    - context: {config: {{ cgit | json }}, root: {{ root | json }}}
    - mode: '0644'

cgit-location:
  file.managed:
    - name: /etc/nginx/git.d/cgit.conf
    - source: salt://cgit/files/nginx.conf
    - makedirs: True
    - mode: '0644'
    - require:
      - pkg: nginx
    - watch_in:
      - service: nginx
