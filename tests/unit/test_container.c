/* SPDX-License-Identifier: BSD-2-Clause */
/* Cgroup paths as real machines have them, and what they are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "view/view.h"

#define ID  "3f2a91c0b7de4c5a8d1e0f9b6a7c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4"
#define ID2 "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d00112233445566778899aabbccddeeff"
#define POD "0d3e5b7a-9c1f-4e2d-8a6b-1f2e3d4c5b6a"

/* clang-format off */
static const struct {
	const char *path;
	const char *name;
} cases[] = {
	/* Docker: systemd and cgroupfs driver, Docker in Docker, an init within */
	{ "/system.slice/docker-" ID ".scope", "docker:3f2a91c0b7de" },
	{ "/docker/" ID, "docker:3f2a91c0b7de" },
	{ "/docker/" ID2 "/docker/" ID, "docker:3f2a91c0b7de" },
	{ "/docker/" ID "/system.slice/nginx.service", "docker:3f2a91c0b7de" },
	{ "/../../system.slice/docker-" ID ".scope", "docker:3f2a91c0b7de" },
	{ "12:pids:/docker/" ID, "docker:3f2a91c0b7de" },
	{ "0::/system.slice/docker-" ID ".scope/payload", "docker:3f2a91c0b7de" },
	{ "/system.slice:docker:" ID, "docker:3f2a91c0b7de" },
	{ "/actions_job/" ID, "container:3f2a91c0b7de" },

	/* Kubernetes: each runtime and driver */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
	  "0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice/cri-containerd-" ID ".scope",
	  "cri-containerd:3f2a91c0b7de" },
	{ "/system.slice/containerd.service/kubepods-besteffort-pod"
	  "0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice:cri-containerd:" ID,
	  "cri-containerd:3f2a91c0b7de" },
	{ "/kubepods.slice/kubepods-pod0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice/crio-" ID
	  ".scope", "crio:3f2a91c0b7de" },
	{ "/kubepods.slice/kubepods-pod0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice/crio-conmon-" ID
	  ".scope", "crio:3f2a91c0b7de" },
	{ "/kubepods.slice/kubepods-pod0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice/docker-" ID
	  ".scope", "docker:3f2a91c0b7de" },
	{ "/kubepods/burstable/pod" POD "/" ID, "k8s:3f2a91c0b7de" },
	{ "/kubepods/besteffort/pod" POD "/crio-" ID, "crio:3f2a91c0b7de" },
	{ "/docker/" ID2 "/kubelet/kubepods/burstable/pod" POD "/" ID, "k8s:3f2a91c0b7de" },
	{ "/kubepods/pod" POD, "pod:" POD },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
	  "0d3e5b7a_9c1f_4e2d_8a6b_1f2e3d4c5b6a.slice", "pod:" POD },

	/* Podman: root and rootless, its monitor, the cgroupfs driver */
	{ "/machine.slice/libpod-" ID ".scope", "podman:3f2a91c0b7de" },
	{ "/machine.slice/libpod-" ID ".scope/container", "podman:3f2a91c0b7de" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "podman:3f2a91c0b7de" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	  ".scope/container", "podman:3f2a91c0b7de" },
	{ "/libpod_parent/libpod-" ID, "podman:3f2a91c0b7de" },
	{ "/libpod_parent/" ID, "podman:3f2a91c0b7de" },

	/* nerdctl, LXC */
	{ "/system.slice/nerdctl-" ID ".scope", "nerdctl:3f2a91c0b7de" },
	{ "/default/" ID, "container:3f2a91c0b7de" },
	{ "/lxc/web-1", "lxc:web-1" },
	{ "/lxc.payload.web-1/system.slice/cron.service", "lxc:web-1" },
	{ "/lxc.payload/web-1", "lxc:web-1" },

	/* systemd: units, templates, users, sub-groups */
	{ "/system.slice/nginx.service", "nginx.service" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service" },
	{ "/system.slice/system-postgresql.slice/postgresql@15-main.service",
	  "postgresql@15-main.service" },
	{ "/system.slice/docker.service", "docker.service" },
	{ "/system.slice/app.service/workers/3", "app.service" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service",
	  "syncthing.service" },
	{ "/user.slice/user-1000.slice", "user-1000.slice" },
	{ "/machine.slice/systemd-nspawn@deb.service/payload", "systemd-nspawn@deb.service" },
	{ "/init.scope", "init.scope" },

	/* nothing to tell */
	{ "/", "" },
	{ "", "" },
	{ NULL, "" },
	{ "//", "" },
	{ "/foo/bar", "" },
	{ "/docker/", "" },
	{ "/docker-cafe.scope", "docker-cafe.scope" },
	{ "/.service", "" },
	{ "/tripod/podium", "" },
	{ "/system.slice/podcast.service", "podcast.service" },
	{ "/pod" POD "x", "" },
	{ "/system.slice/evil\x1b[2J.service", "evil?[2J.service" },
};
/* clang-format on */

static void test_names(void **state)
{
	char buf[VIEW_CONTAINER_LEN];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(view_container(buf, sizeof(buf), cases[i].path), cases[i].name);
}

static void test_short_buffer(void **state)
{
	char buf[8];

	assert_string_equal(view_container(buf, sizeof(buf), "/docker/" ID), "docker:");
	assert_string_equal(view_container(buf, 1, "/docker/" ID), "");
}

static void test_long_path(void **state)
{
	char path[600], buf[VIEW_CONTAINER_LEN];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	strcpy(path + sizeof(path) - sizeof(".service"), ".service");
	assert_int_equal(strlen(view_container(buf, sizeof(buf), path)), sizeof(buf) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_short_buffer),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
