import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, watched tags in a real registry", .timeLimit(.minutes(3)))
struct TagCheckTests {
    static let promoted = MadeImage.single(revision: FileFleet.commit)
    static let stranger = MadeImage.single(revision: FileFleet.other, created: "2027-01-02T03:04:05Z")

    /// A fleet of one host and its service, which watches `canvas:latest`.
    static func start(
        _ registry: LocalRegistry, interval: String = "1s", more: String = "", fleet: String = "",
        in folder: TemporaryFolder
    ) async throws -> (ServedCollector, FileFleet) {
        let hosts = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(
            fleets: hosts.entry(interval: "500ms") + """

                    image: \(registry.authority)/canvas:latest
                    check_image: {interval: \(interval)\(fleet)}
                """, more: more, in: folder)
        return (service, hosts)
    }

    static func tag(_ service: ServedCollector) throws -> [String: Any] {
        try #require(try service.fleet()["tag"] as? [String: Any])
    }

    static func page(_ service: ServedCollector, _ path: String) throws -> String {
        try service.answer("GET", path, headers: [("Accept", "text/html")]).text
    }

    static func kinds(_ tag: [String: Any]) -> [String] {
        (tag["findings"] as? [[String: Any]] ?? []).compactMap { $0["kind"] as? String }
    }

    static func wait(_ service: ServedCollector, for drift: String) async throws -> [String: Any] {
        var last: [String: Any] = [:]
        try await eventually("the drift is '\(drift)'", detail: { "\(last)" }) {
            last = try tag(service)
            return last["drift"] as? String == drift
        }
        return last
    }

    @Test("A tag that was moved by hand is found, and a registry that does not answer makes it unknown")
    func moved() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        try registry.push(Self.promoted, to: "canvas", tag: "latest")
        let (service, hosts) = try await Self.start(registry, in: folder)
        defer { withExtendedLifetime(hosts) {} }
        let fresh = try await Self.wait(service, for: "pending")
        #expect((fresh["build"] as? [String: Any])?["git_sha"] as? String == FileFleet.commit, "\(fresh)")
        _ = try await service.verified(FileFleet.commit, key: "1")
        let calm = try await Self.wait(service, for: "none")
        #expect(calm["fresh"] as? Bool == true)
        #expect(calm["unpromoted"] as? Int == 0)
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }

        try registry.push(Self.stranger, to: "canvas", tag: "latest")
        let moved = try await Self.wait(service, for: "found")
        #expect((moved["build"] as? [String: Any])?["digest"] as? String == "\(Self.stranger.digest)")
        #expect(Self.kinds(moved) == ["tag_moved"])
        #expect(try service.fleet()["proven"] as? Int == 1, "hosts are not blamed for the tag")
        for page in ["/", "/fleets/canvas/production"] {
            let text = try Self.page(service, page)
            #expect(text.contains("tag drift") && text.contains("<strong>find out who pushed it</strong>"), "\(text)")
        }
        #expect(try Self.page(service, "/fleets/canvas/production").contains("The tag is not what was promoted"))
        let badge = try service.object("/badge/canvas/production.json")
        #expect(
            badge["message"] as? String == "aaaaaaa 1/1, tag drift" && badge["isError"] as? Bool == true, "\(badge)")
        #expect(badge["status"] as? String == "not_proven", "\(badge)")
        let metrics = try service.answer("GET", "/metrics").text
        let name = #"buildinfo_tag_drift{service="canvas",environment="production",state="#
        #expect(metrics.contains(name + #""found"} 1"#) && metrics.contains(name + #""none"} 0"#), "\(metrics)")

        registry.signal(SIGSTOP)
        let unknown = try await Self.wait(service, for: "unknown")
        #expect(unknown["fresh"] as? Bool == false)
        #expect(
            unknown["as_of"] is String && Self.kinds(unknown) == ["tag_moved"], "what was last seen stays, with its age"
        )
        for page in ["/", "/fleets/canvas/production"] {
            #expect(try Self.page(service, page).contains("tag unknown"), "\(page)")
        }
        registry.signal(SIGCONT)
        _ = try await Self.wait(service, for: "found")
        try registry.push(Self.promoted, to: "canvas", tag: "latest")
        _ = try await Self.wait(service, for: "none")
    }

    @Test("A tag that was moved to something that cannot run has moved")
    func unusable() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        try registry.push(Self.promoted, to: "canvas", tag: "latest")
        let (service, hosts) = try await Self.start(registry, in: folder)
        defer { withExtendedLifetime(hosts) {} }
        _ = try await service.verified(FileFleet.commit, key: "1")
        _ = try await Self.wait(service, for: "none")
        let config = try #require(Self.promoted.config)
        let chart = MadeImage.Blob(
            """
            {"schemaVersion":2,"mediaType":"\(MadeImage.ociManifest)","config":{"mediaType":\
            "application/vnd.cncf.helm.config.v1+json","size":\(Self.promoted.blobs[0].bytes.count),\
            "digest":"\(config)"},"layers":[]}
            """, mediaType: MadeImage.ociManifest)
        try registry.put(chart, as: "latest", to: "canvas")
        let found = try await Self.wait(service, for: "found")
        #expect((found["build"] as? [String: Any])?["digest"] as? String == "\(chart.digest)")
        #expect(Self.kinds(found) == ["tag_moved"])
    }

    @Test("A registry that refuses is unknown with its reason, and never 'none'")
    func refused() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start(.password)
        try registry.push(Self.promoted, to: "canvas", tag: "latest")
        let (service, hosts) = try await Self.start(registry, in: folder)
        defer { withExtendedLifetime(hosts) {} }
        _ = try await service.verified(FileFleet.commit, key: "1")
        let unknown = try await Self.wait(service, for: "unknown")
        try await eventually("the reason is shown") { try Self.tag(service)["problem"] is String }
        #expect(unknown["as_of"] is NSNull)
        let basic = Data("\(LocalRegistry.user):\(LocalRegistry.password)".utf8).base64EncodedString()
        try folder.write("auth.json", #"{"auths": {"\#(registry.authority)": {"auth": "\#(basic)"}}}"#)
        let other = try TemporaryFolder()
        let (authorized, others) = try await Self.start(
            registry, fleet: ", auth_file: \(folder.path("auth.json"))", in: other)
        _ = try await authorized.verified(FileFleet.commit, key: "1")
        _ = try await Self.wait(authorized, for: "none")
        withExtendedLifetime(others) {}
    }

    @Test(
        "Candidates that were never promoted are counted, and are no drift; a removed tag and a host that went back are"
    )
    func differences() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        try registry.push(Self.promoted, to: "canvas", tag: "latest")
        try registry.push(Self.stranger, to: "canvas", tag: "staging-\(FileFleet.other)")
        let (service, hosts) = try await Self.start(registry, in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        let calm = try await Self.wait(service, for: "none")
        #expect(calm["unpromoted"] as? Int == 1)
        #expect(Self.kinds(calm) == ["unpromoted"])
        try hosts.serve(FileFleet.other, on: 1)
        let drifted = try await Self.wait(service, for: "found")
        #expect(Self.kinds(drifted) == ["unpromoted", "host_drifted"])
        try hosts.serve(FileFleet.commit, on: 1)
        _ = try await Self.wait(service, for: "none")
        try registry.delete("canvas", Self.promoted.digest)
        let removed = try await Self.wait(service, for: "found")
        #expect(removed["build"] is NSNull)
        #expect(Self.kinds(removed).contains("tag_moved"))
    }
}
