include:
  - salt_master.account

library-builder:
  file.managed:
    - name: /usr/local/lib/saltern/build-library
    - source: salt://salt_master/files/build-library
    - mode: '0755'
    - makedirs: True

library-built:
  cmd.run:
    - name: /usr/local/lib/saltern/build-library
    - unless: /usr/local/lib/saltern/build-library --check
    - require:
      - file: library-builder
      - file: /var/lib/saltern/files
