# The same library on every host: the wheel that the master made of its checkout.
{% for name in ['saltern.whl', 'digest'] %}
library-{{ name }}:
  file.managed:
    - name: /opt/saltern/dist/{{ name }}
    - source: salt://dist/{{ name }}
    - mode: '0644'
    - makedirs: True
    - show_changes: False
{% endfor %}

library-installer:
  file.managed:
    - name: /usr/local/lib/saltern/install-library
    - source: salt://salt_minion/files/install-library
    - mode: '0755'
    - makedirs: True

library-installed:
  cmd.run:
    - name: /usr/local/lib/saltern/install-library
    - unless: /usr/local/lib/saltern/install-library --check
    - require:
      - file: library-saltern.whl
      - file: library-digest
      - file: library-installer
