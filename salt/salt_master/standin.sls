# On the master, for lab and Vagrant: the stand-in as one file, where the Gerrit host fetches it.
{% set pack = 'PYTHONDONTWRITEBYTECODE=1 /opt/saltern/bin/python -m lab.gerrit package' %}
{% set folder = '/var/lib/saltern/files/dist' %}
{% set out = folder ~ '/gerrit-standin.war' %}

gerrit-standin:
{% if salt['pillar.get']('gerrit_standin') %}
  cmd.run:
    - name: mkdir -p {{ folder }} && {{ pack }} --out {{ out }}
    - cwd: /srv/saltern
    - unless: {{ pack }} --out {{ out }} --check
    - require:
      - cmd: library-built
{% else %}
  test.nop
{% endif %}
