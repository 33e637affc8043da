# For secrets that the private pillar has encrypted (docs/pillar.md).
gnupg:
  pkg.installed:
    - install_recommends: False

gpg-keys:
  file.directory:
    - name: /etc/salt/gpgkeys
    - user: salt
    - group: salt
    - mode: '0700'
    - require:
      - user: salt-account
