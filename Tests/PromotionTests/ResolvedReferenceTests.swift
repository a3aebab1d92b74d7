import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealRegistry {
    /// References in a real registry, compared with the results of skopeo.
    @Suite("resolve and --image with a real registry")
    struct ResolvedReferenceTests {
        private static let commit = Commit.new

        struct Case: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var image: MadeImage
            var platforms: [String]
        }

        private static let usual = MadeImage.usual(revision: commit)

        static let cases: [Case] = [
            .init(testDescription: "a manifest", image: .single(revision: commit), platforms: ["linux/amd64"]),
            .init(
                testDescription: "a manifest of Docker's",
                image: .single(revision: commit, platform: "linux/arm64", isDocker: true), platforms: ["linux/arm64"]),
            .init(
                testDescription: "an index for several platforms",
                image: .index([
                    .init(.single(revision: commit), "linux/amd64"),
                    .init(.single(revision: commit, platform: "linux/arm/v6"), "linux/arm/v6"),
                    .init(.single(revision: commit, platform: "linux/s390x"), "linux/s390x"),
                ]), platforms: ["linux/amd64", "linux/arm/v6", "linux/s390x"]),
            .init(
                testDescription: "a list of Docker's",
                image: .index(
                    [.init(.single(revision: commit, isDocker: true), "linux/amd64")], isDocker: true),
                platforms: ["linux/amd64"]),
            .init(
                testDescription: "an index with attestations", image: usual, platforms: ["linux/amd64", "linux/arm64"]),
            .init(
                testDescription: "an index in an index",
                image: .index([
                    .init(usual), .init(.single(revision: commit, platform: "linux/riscv64"), "linux/riscv64"),
                ]), platforms: ["linux/amd64", "linux/arm64", "linux/riscv64"]),
        ]

        struct Printed: Decodable {
            struct Image: Decodable {
                struct Entry: Decodable {
                    var platform: String?
                    var digest: String
                    var config: String
                    var revision: String?
                }

                var digest: String
                var mediaType: String
                var gitSHA: String?
                var pin: String?
                var platforms: [Entry]

                enum CodingKeys: String, CodingKey {
                    case digest, pin, platforms
                    case mediaType = "media_type"
                    case gitSHA = "git_sha"
                }
            }

            var images: [Image]
            var same: Bool?
            var rule: String?

            enum CodingKeys: String, CodingKey { case images, same, rule }

            /// A single image is an object, not an array.
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                images =
                    container.contains(.images)
                    ? try container.decode([Image].self, forKey: .images) : [try Image(from: decoder)]
                same = try container.decodeIfPresent(Bool.self, forKey: .same)
                rule = try container.decodeIfPresent(String.self, forKey: .rule)
            }
        }

        private func resolve(_ arguments: [String]) async throws -> Printed {
            let outcome = try await Program.collector().run(
                ["resolve", "--json"] + arguments, environment: ["HOME": "/none"])
            try #require(outcome.exitCode == 0, "\(outcome.error)")
            return try JSONDecoder().decode(Printed.self, from: Data(outcome.output.utf8))
        }

        /// The bytes that skopeo reads.
        private static func raw(_ reference: String, _ options: [String] = []) async throws -> [UInt8] {
            let skopeo = try Program.installed("skopeo", remedy: "apt-get install skopeo")
            let outcome = try await skopeo.run(
                ["inspect", "--raw", "--tls-verify=false"] + options + ["docker://\(reference)"])
            try #require(outcome.exitCode == 0, "\(outcome.error)")
            return Array(outcome.output.utf8)
        }

        private static func hash(_ bytes: [UInt8]) -> String { "sha256:\(Hexadecimal.encode(SHA256.hash(bytes)))" }

        @Test("resolve agrees with skopeo, byte by byte", arguments: cases)
        func asSkopeo(made: Case) async throws {
            let registry = try await SharedEnvironment.registry
            let name = "resolve-\(made.image.digest.hex.prefix(12))"
            try registry.push(made.image, to: name, tag: "latest")
            let reference = "\(registry.authority)/\(name):latest"
            let folder = try TemporaryFolder()
            let saved = folder.path("index.json")
            let printed = try await resolve([reference, "--save", saved]).images[0]

            let raw = try await Self.raw(reference)
            #expect(printed.digest == Self.hash(raw))
            #expect(Array(try folder.read("index.json").utf8) == raw)
            #expect(try folder.names() == ["index.json"])
            #expect(printed.mediaType == made.image.manifest.mediaType)
            #expect(printed.platforms.compactMap(\.platform) == made.platforms)
            #expect(printed.gitSHA == Self.commit)
            #expect(printed.pin == "\(name.uppercased().replacing("-", with: "_"))_IMAGE_TAG=latest@\(printed.digest)")
            for entry in printed.platforms {
                let child = "\(registry.authority)/\(name)@\(entry.digest)"
                #expect(entry.digest == Self.hash(try await Self.raw(child)))
                #expect(entry.config == Self.hash(try await Self.raw(child, ["--config"])))
            }
            // A reference with tag and digest resolves to the same image.
            #expect(try await resolve(["\(reference)@\(printed.digest)"]).images[0].digest == printed.digest)
        }

        @Test("Copies by skopeo, converted or not, compare by the expected rule")
        func comparisons() async throws {
            let registry = try await SharedEnvironment.registry
            let image = MadeImage.single(revision: Self.commit, salt: "comparisons")
            let index = MadeImage.index([.init(image, "linux/amd64"), .init(.attestation("c"), "unknown/unknown")])
            let other = MadeImage.index([.init(image, "linux/amd64"), .init(.attestation("d"), "unknown/unknown")])
            let rebuilt = MadeImage.single(revision: Self.commit, salt: "rebuilt")
            let tags = [("single", image), ("index", index), ("other", other), ("rebuilt", rebuilt)]
            for (tag, image) in tags { try registry.push(image, to: "compared", tag: tag) }
            let skopeo = try Program.installed("skopeo", remedy: "apt-get install skopeo")
            let repository = "\(registry.authority)/compared"
            for (tag, options) in [("copied", []), ("docker", ["--format", "v2s2"])] as [(String, [String])] {
                try await skopeo.succeed(
                    ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--insecure-policy"] + options
                        + ["docker://\(repository):single", "docker://\(repository):\(tag)"])
            }
            for (first, second, rule) in [
                ("single", "copied", "exact"), ("index", "single", "platform"), ("copied", "index", "platform"),
                ("index", "other", "wrapped"),
            ] {
                let printed = try await resolve(["\(repository):\(first)", "\(repository):\(second)"])
                #expect(printed.rule == rule && printed.same == true, "\(first) \(second)")
            }
            for (first, second) in [("single", "rebuilt"), ("index", "rebuilt")] {
                let outcome = try await Program.collector().run([
                    "resolve", "\(repository):\(first)", "\(repository):\(second)",
                ])
                #expect(outcome.exitCode == 20)
                #expect(outcome.output.contains("not the same image"))
            }
        }

        @Test("A missing reference is 64, a missing registry 69: one line each, and no file is left")
        func absent() async throws {
            let registry = try await SharedEnvironment.registry
            try registry.push(.single(revision: nil), to: "present", tag: "latest")
            let folder = try TemporaryFolder()
            for (reference, code, text) in [
                ("\(registry.authority)/present:nowhere", 64, "does not have this tag"),
                (
                    "\(registry.authority)/present@sha256:\(String(repeating: "0", count: 64))", 64,
                    "does not have this digest"
                ),
                ("\(registry.authority)/absent:latest", 64, "does not exist"),
                ("127.0.0.1:1/canvas:latest", 69, "no complete response"),
                ("canvas:a:b", 64, "expected an image reference"),
            ] as [(String, Int32, String)] {
                let outcome = try await Program.collector().run(
                    ["resolve", reference, "--save", folder.path("file"), "--registry-timeout", "20s"])
                #expect(outcome.exitCode == code, "\(reference): \(outcome.error)")
                #expect(outcome.error.contains(text), "\(outcome.error)")
                #expect(outcome.error.split(separator: "\n").count == 1)
                #expect(outcome.output.isEmpty)
                #expect(try folder.names().isEmpty)
            }
        }

        @Test("A registry with passwords accepts the credentials from each kind of file, and no others")
        func password() async throws {
            let registry = try await LocalRegistry.start(.password)
            let image = MadeImage.usual(revision: Self.commit, salt: "password")
            try registry.push(image, to: "team/canvas", tag: "latest")
            let reference = "\(registry.authority)/team/canvas:latest"
            let folder = try TemporaryFolder()
            let skopeo = try Program.installed("skopeo", remedy: "apt-get install skopeo")
            _ = try await skopeo.succeed([
                "login", "--authfile", folder.path("auth.json"), "--tls-verify=false", "--username", LocalRegistry.user,
                "--password", LocalRegistry.password, registry.authority,
            ])
            let raw = try await Self.raw(reference, ["--authfile", folder.path("auth.json")])
            #expect(Self.hash(raw) == image.digest.description)

            func outcome(_ options: [String], _ environment: [String: String]) async throws -> RunningProgram.Outcome {
                try await Program.collector().run(["resolve", reference] + options, environment: environment)
            }
            _ = try folder.makeFolder("docker")
            try folder.write("docker/config.json", try folder.read("auth.json"))
            for (options, environment) in [
                (["--registry-auth-file", folder.path("auth.json")], ["HOME": "/nowhere"]),
                ([], ["REGISTRY_AUTH_FILE": folder.path("auth.json")]),
                ([], ["DOCKER_CONFIG": folder.path("docker"), "HOME": "/nowhere"]),
                ([], ["BUILDINFO_REGISTRY_AUTH_FILE": folder.path("auth.json")]),
            ] as [([String], [String: String])] {
                let letIn = try await outcome(options, environment)
                #expect(letIn.exitCode == 0, "\(letIn.error)")
                #expect(letIn.output.contains("\(image.digest)"))
            }
            let wrong = Data("\(LocalRegistry.user):wrong".utf8).base64EncodedString()
            try folder.write("wrong.json", #"{"auths":{"\#(registry.authority)":{"auth":"\#(wrong)"}}}"#)
            for options in [[], ["--registry-auth-file", folder.path("wrong.json")]] {
                let keptOut = try await outcome(options, [:])
                #expect(keptOut.exitCode == 69, "\(keptOut.error)")
                #expect(keptOut.error.contains("401"))
                #expect(!keptOut.error.contains(wrong))
            }
        }

        @Test("A registry with a token service accepts our tokens as it accepts skopeo's")
        func tokens() async throws {
            let signer = try await TokenSigner()
            let basic = "Basic " + Data("\(LocalRegistry.user):\(LocalRegistry.password)".utf8).base64EncodedString()
            let (all, pull) = (try await signer.token("pull,push"), try await signer.token("pull"))
            let service = try await ScriptedHost.start { request in
                guard request.header("authorization") == basic else { return .status(401) }
                return .json(#"{"token":"\#(pull)","expires_in":60}"#)
            }
            let registry = try await LocalRegistry.start(
                .token(
                    realm: service.url(host: 0, "/token"), certificate: signer.certificate, ownToken: all))
            let image = MadeImage.usual(revision: Self.commit, salt: "tokens")
            try registry.push(image, to: TokenSigner.repository, tag: "latest")
            let reference = "\(registry.authority)/\(TokenSigner.repository):latest"
            let folder = try TemporaryFolder()
            let auth = Data("\(LocalRegistry.user):\(LocalRegistry.password)".utf8).base64EncodedString()
            let file = try folder.write(
                "auth.json", #"{"auths":{"\#(registry.authority)":{"auth":"\#(auth)"}}}"#)
            let raw = try await Self.raw(reference, ["--authfile", file])
            #expect(Self.hash(raw) == image.digest.description)
            #expect(
                try await resolve([reference, "--registry-auth-file", file]).images[0].digest
                    == image.digest.description)
            let without = try await Program.collector().run(["resolve", reference])
            #expect(without.exitCode == 69)
            #expect(without.error.contains("token service"))
            await service.stop()
        }

        // MARK: - Hosts

        @Test("verify --image reads digest and commit from the registry, and proves a host that pulled the image")
        func verified() async throws {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            try await service.run()
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            var verify = Verify(hosts: [agent.host])
            verify.more = ["--image", service.latest]
            let result = try await verify.run()
            #expect(result.exitCode == 0, "\(result.progress)")
            #expect(try result.host("host-1").facts.build == "match")

            // By an index around the image that was not pulled: the platform's manifest matches.
            let platform = try await resolve([service.latest]).images[0].platforms[0].platform ?? ""
            let stored = try service.yard.registry.manifest(service.name, "latest")
            let child = """
                {"mediaType":"\(stored.mediaType)","size":\(stored.bytes.count),"digest":"\(digest)",\
                "platform":{"os":"linux","architecture":"\(platform.split(separator: "/").last ?? "")"}}
                """
            try service.yard.registry.put(
                MadeImage.Blob(
                    "{\"schemaVersion\":2,\"mediaType\":\"\(MadeImage.ociIndex)\",\"manifests\":[\(child)]}",
                    mediaType: MadeImage.ociIndex), as: "around", to: service.name)
            verify.more = ["--image", "\(service.repository):around", "--sha", Commit.new]
            let around = try await verify.run()
            #expect(around.exitCode == 0, "\(around.progress)")
            #expect(try around.host("host-1").facts.build == "match_platform")

            // The saved index suffices without a registry, and does not match another image.
            let folder = try TemporaryFolder()
            let saved = folder.path("around.json")
            let index = try await resolve(["\(service.repository):around", "--save", saved]).images[0]
            verify.more = ["--index", saved, "--digest", index.digest, "--sha", Commit.new]
            let offline = try await verify.run()
            #expect(offline.exitCode == 0, "\(offline.progress)")
            #expect(try offline.host("host-1").facts.build == "match_platform")

            for (arguments, text) in [
                (["--index", saved], "does not hash to"), (["--sha", Commit.old], "not built from"),
                (["--digest", "sha256:\(String(repeating: "0", count: 64))"], "is sha256:"),
            ] {
                let wrong = try await Program.collector().run(
                    [
                        "verify", "--service", "canvas", "--host", "127.0.0.1:1", "--store", "none", "--image",
                        service.latest,
                    ] + arguments)
                #expect(wrong.exitCode == 64, "\(wrong.error)")
                #expect(wrong.error.contains(text), "\(wrong.error)")
            }
            let status = try await Program.collector().run([
                "status", "--service", "canvas", "--host", agent.host.url, "--store", "none", "--image", service.latest,
                "--report", "json=-",
            ])
            #expect(status.exitCode == 0, "\(status.error)")
            #expect(status.output.contains(service.latest))
            #expect(status.output.contains("soaking"))
            try await service.engine.remove(service.name)
        }

        @Test(
            "docker commit onto the tag keeps the commit label, and is a wrong digest; a loaded image is the same content"
        )
        func tampered() async throws {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            let archive = try TemporaryFolder()
            try await service.engine.docker("save", "--output", archive.path("image.tar"), service.latest)
            try await service.run()
            try await service.engine.docker("commit", service.name, service.latest)
            try await service.recreate()
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            var verify = Verify(hosts: [agent.host], timeout: "30s")
            verify.more = ["--image", service.latest]
            let tampered = try await verify.run()
            #expect(tampered.exitCode == 20, "\(tampered.progress)")
            #expect(try tampered.host("host-1").facts.build == "digest_wrong")

            try await service.engine.remove(service.name)
            try await service.engine.docker("rmi", "--force", service.latest)
            try await service.engine.docker("rmi", "--force", "\(service.repository)@\(digest)")
            try await service.engine.docker("load", "--input", archive.path("image.tar"))
            try await service.run()
            verify.timeout = "60s"
            let loaded = try await verify.run()
            #expect(loaded.exitCode == 0, "\(loaded.progress)")
            #expect(try loaded.host("host-1").facts.build == "match_config")
            try await service.engine.remove(service.name)
        }

        @Test(
            "An image without the host's platform is a wrong promotion, and rejected early if the inventory states it")
        func lacking() async throws {
            let registry = try await SharedEnvironment.registry
            try registry.push(
                .index([.init(.single(revision: Self.commit, platform: "linux/s390x"), "linux/s390x")]), to: "lacking",
                tag: "latest")
            let folder = try TemporaryFolder()
            let fleet = try folder.write(
                "fleet.yaml",
                "service: canvas\nhosts:\n  - {name: canvas-01, url: 'http://127.0.0.1:1/', labels: {arch: amd64}}\n")
            let outcome = try await Program.collector().run([
                "verify", "--fleet", fleet, "--store", "none", "--image", "\(registry.authority)/lacking:latest",
            ])
            #expect(outcome.exitCode == 64)
            #expect(outcome.error.contains("canvas-01"))
            #expect(outcome.error.contains("linux/amd64"))
        }
    }
}
