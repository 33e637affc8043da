ca-certificates:
  pkg.installed: []

# Every program that uses the system's store trusts the site's authority.
site-authority:
  file.managed:
    - name: /usr/local/share/ca-certificates/saltern.crt
    - source: salt://issued/ca.crt
    - mode: '0644'
    - makedirs: True
  cmd.run:
    - name: update-ca-certificates
    - onchanges:
      - file: site-authority
    - require:
      - pkg: ca-certificates
