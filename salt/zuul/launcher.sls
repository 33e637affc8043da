{% from tpldir ~ '/service.jinja' import daemon with context %}

include:
  - zuul

{{ daemon('launcher') }}
