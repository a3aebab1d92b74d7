import Foundation
import Glibc
import Testing

@testable import Agent
@testable import AgentCore

/// Field 17: no request starts an engine. These tests cover the decision; Tests/System covers a booted system.
@Suite struct EngineActivationTests {
    /// A temporary root with systemd's files.
    private struct Root {
        let folder: TemporaryFolder
        var activation: EngineActivation { EngineActivation(root: folder.path) }

        init(booted: Bool = true) throws {
            folder = try TemporaryFolder()
            if booted { try makeFolder("run/systemd/system") }
            try makeFolder("run/systemd/units")
        }

        func makeFolder(_ path: String) throws {
            try FileManager.default.createDirectory(atPath: folder.file(path), withIntermediateDirectories: true)
        }

        func file(_ path: String, _ text: String = "") throws {
            try makeFolder(path.split(separator: "/").dropLast().joined(separator: "/"))
            try folder.write(text, to: path)
        }

        /// Marks a unit as not inactive.
        func active(_ unit: String) {
            #expect(
                symlink("3f2a90be11d2c4a5968778695a4b3c2d", folder.file("run/systemd/units/invocation:\(unit)")) == 0)
        }

        func stopped(_ unit: String) {
            #expect(unlink(folder.file("run/systemd/units/invocation:\(unit)")) == 0)
        }

        func reason(_ path: String = "/run/docker.sock") -> String? {
            activation.failure(connectingTo: path)?.description
        }
    }

    private static let docker = "[Unit]\nDescription=x\n[Socket]\nListenStream=/run/docker.sock\nSocketMode=0660\n"

    @Test("Field 17: a stopped service that its socket unit would start is not asked, by any path of its socket")
    func stopped() throws {
        let root = try Root()
        try root.file("lib/systemd/system/docker.socket", Self.docker)
        for path in ["/run/docker.sock", "/var/run/docker.sock"] {
            let reason = try #require(root.reason(path))
            #expect(reason.contains("docker.service is not running") && reason.contains("systemctl start docker"))
        }
        #expect(root.reason("/run/other.sock") == nil)
        root.active("docker.service")
        #expect(root.reason() == nil)
        root.stopped("docker.service")
        #expect(root.reason() != nil)
    }

    @Test("Field 17: a service that is being stopped or started is not asked, if its marker unit is installed")
    func stopping() throws {
        let root = try Root()
        try root.file("lib/systemd/system/docker.socket", Self.docker)
        try root.file("lib/systemd/system/docker.service.wants/buildinfo-engine@docker.service")
        root.active("docker.service")
        #expect(try #require(root.reason()).contains("is being started or stopped"))
        root.active("buildinfo-engine@docker.service")
        #expect(root.reason() == nil)
        // After a crash, the link remains for a moment.
        root.stopped("docker.service")
        #expect(try #require(root.reason()).contains("is not running"))
    }

    @Test("Field 17: other sockets, other services and drop-ins are handled as systemd does")
    func units() throws {
        let root = try Root()
        // The first folder hides the others, and an empty value resets the list.
        try root.file("lib/systemd/system/docker.socket", Self.docker)
        try root.file(
            "lib/systemd/system/balena.socket", "[Socket]\nListenStream=%t/balena-engine.sock\nService=engine.service\n"
        )
        try root.file(
            "etc/systemd/system/docker.socket.d/10.conf", "[Socket]\nListenStream=\nListenStream=/srv/docker.sock\n")
        #expect(root.reason("/run/docker.sock") == nil)
        #expect(try #require(root.reason("/srv/docker.sock")).hasPrefix("docker.service is not"))
        #expect(try #require(root.reason("/run/balena-engine.sock")).hasPrefix("engine.service is not"))
        // Masked.
        try root.file("etc/systemd/system/balena.socket", "")
        #expect(root.reason("/run/balena-engine.sock") == nil)
    }

    @Test("Field 17: Podman's service is asked, since a request is meant to start it")
    func podman() throws {
        let root = try Root()
        try root.file("lib/systemd/system/podman.socket", "[Socket]\nListenStream=%t/podman/podman.sock\n")
        #expect(root.reason("/run/podman/podman.sock") == nil)
    }

    @Test("Without systemd, as in a container, no request starts an engine")
    func elsewhere() throws {
        let root = try Root(booted: false)
        try root.file("lib/systemd/system/docker.socket", Self.docker)
        #expect(root.reason() == nil)
    }
}
