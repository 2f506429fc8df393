# SPDX-License-Identifier: BSD-2-Clause
#
# What is installed, what is packaged, and how it goes away again.

sbin   := $(DESTDIR)$(PREFIX)/sbin/lostsock
docdir := $(DESTDIR)$(PREFIX)/share/doc/lostsock
man8   := $(DESTDIR)$(PREFIX)/share/man/man8/lostsock.8
man1   := $(DESTDIR)$(PREFIX)/share/man/man1
incdir := $(DESTDIR)$(PREFIX)/include/tether
libdir := $(DESTDIR)$(LIBDIR)
bindir := $(DESTDIR)$(PREFIX)/bin
compl  := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lostsock
units  := $(DESTDIR)$(UNITDIR)

install: all ## install below DESTDIR and PREFIX
	$(call say,INST,$(DESTDIR)$(PREFIX))
	$(Q)install -D -m 0755 $(program) '$(sbin)'
	$(Q)install -D -m 0644 docs/man/lostsock.8 '$(man8)'
	$(Q)install -D -m 0644 -t '$(incdir)' include/tether/*.h
	$(Q)install -D -m 0644 -t '$(dir $(incdir))lostsock' include/lostsock/streams.h
	$(Q)install -D -m 0755 -t '$(libdir)' build/$(tether_so)
	$(Q)install -m 0644 build/libtether.a '$(libdir)'
	$(Q)ln -sf $(tether_so) '$(libdir)/libtether.so'
	$(Q)install -D -m 0644 -t '$(libdir)/pkgconfig' build/tether.pc
	$(Q)install -D -m 0755 -t '$(bindir)' $(tether_bin)
	$(Q)install -D -m 0644 -t '$(man1)' $(wildcard docs/man/*.1)
	$(Q)install -D -m 0644 docs/completion/lostsock.bash '$(compl)'
	$(Q)install -D -m 0644 -t '$(units)' deploy/systemd/*.socket deploy/systemd/*.service
	$(Q)sed -i 's|/usr/local/sbin/|$(PREFIX)/sbin/|' '$(units)'/lostsock-*.service
	$(Q)install -d -m 0755 '$(docdir)/LICENSES'
	$(Q)install -m 0644 README.md CHANGELOG.md LICENSE $(wildcard docs/*.md) '$(docdir)'
	$(Q)install -m 0644 LICENSES/* '$(docdir)/LICENSES'
	$(Q)install -D -m 0644 -t '$(docdir)/prometheus' deploy/prometheus/*

uninstall: ## remove what install put there
	$(Q)rm -f '$(sbin)' '$(man8)' '$(compl)'
	$(Q)rm -f $(tether_tools:%='$(bindir)/%') $(patsubst docs/man/%,'$(man1)/%',$(wildcard docs/man/*.1))
	$(Q)rm -f '$(libdir)/$(tether_so)' '$(libdir)/libtether.so' '$(libdir)/libtether.a'
	$(Q)rm -f '$(libdir)/pkgconfig/tether.pc'
	$(Q)rm -f $(patsubst deploy/systemd/%,'$(units)/%',$(wildcard deploy/systemd/*.socket deploy/systemd/*.service))
	$(Q)rm -rf '$(docdir)' '$(incdir)' '$(dir $(incdir))lostsock'

deb: ## Debian packages of this tree, in build/deb
	@scripts/deps.sh build deb
	@scripts/deb.sh '$(VERSION)'; status=$$?; $(give_back); exit $$status
