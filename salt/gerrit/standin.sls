{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% set python = 'PYTHONDONTWRITEBYTECODE=1 /opt/saltern/bin/python' %}
{% set version = gerrit.war.version %}
{% set pack = python ~ ' -m lab.gerrit package --version ' ~ version ~ ' --out ' ~ version ~ '.war' %}

gerrit-standin-sources:
  file.recurse:
    - name: /opt/gerrit-standin/lab/gerrit
    - source: salt://gerrit/files/standin
    - exclude_pat: E@(__pycache__|README)
    - clean: True
    - file_mode: '0644'
    - dir_mode: '0755'

gerrit-standin:
  cmd.run:
    - name: {{ pack }}
    - cwd: /opt/gerrit-standin
    - unless: {{ pack }} --check
    - require:
      - file: gerrit-standin-sources
