# The same library on every host: the wheel that the master made of its checkout.
{% set is_master = 'salt-master' in pillar.roles %}
include:
  - salt_minion.restart
{% if is_master %}
  - salt_master.library
{% endif %}

library-installer:
  file.managed:
    - name: /usr/local/lib/saltern/install-library
    - source: salt://salt_minion/files/install-library
    - mode: '0755'
    - makedirs: True

# What follows in the same run uses the new library. A failed installation takes the mark away.
library-installed:
  library.installed:
    - name: /opt/saltern/.saltern
    - wheel: salt://dist/saltern.whl
    - digest: salt://dist/digest
    - target: /opt/saltern/dist/saltern.whl
    - program: /usr/local/lib/saltern/install-library
    - reload_modules: True
    - require:
      - file: library-installer
{% if is_master %}
      - cmd: library-built

library-master-restart:
  cmd.run:
    - name: systemctl start --no-block saltern-restart@salt-master.service
    - order: last
    - require:
      - cmd: restart-after-jobs-unit
    - onchanges:
      - library: library-installed
{% endif %}
