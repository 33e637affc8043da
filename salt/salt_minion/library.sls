# The same library on every host: the wheel that the master made of its checkout.
{% set is_master = 'salt-master' in pillar.roles %}
{% if is_master %}
include:
  - salt_master.library
{% endif %}

library-wheel:
  file.managed:
    - name: /opt/saltern/dist/saltern.whl
    - source: salt://dist/saltern.whl
    - mode: '0644'
    - makedirs: True
    - show_changes: False
{% if is_master %}
    - require:
      - cmd: library-built
{% endif %}

library-installer:
  file.managed:
    - name: /usr/local/lib/saltern/install-library
    - source: salt://salt_minion/files/install-library
    - mode: '0755'
    - makedirs: True

library-digest:
  file.managed:
    - name: /opt/saltern/.saltern
    - source: salt://dist/digest
    - mode: '0644'
{% if is_master %}
    - require:
      - cmd: library-built
{% endif %}

# A failed installation takes the digest away, so that it is tried again.
library-installed:
  cmd.run:
    - name: /usr/local/lib/saltern/install-library
    - require:
      - file: library-wheel
      - file: library-installer
    - onchanges:
      - file: library-digest
