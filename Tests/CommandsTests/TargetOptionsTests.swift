import ArgumentParser
import Foundation
import Shared
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Inventory
@testable import Operations
@testable import Registry
@testable import Verdict

@Suite("Options: the target")
struct TargetOptionsTests {
    @Test(
        "Field 28: --index rejects an index without the platform that the inventory states for a host"
    )
    func statedPlatform() async throws {
        let folder = try TemporaryFolder()
        let manifest =
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:\#(String(repeating: "a", count: 64))","size":2,"platform":{"os":"linux","architecture":"amd64"}}"#
        let index =
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(manifest)]}"#
        let file = try folder.write("index.json", index)
        let digest = try #require(Digest(sha256: SHA256.hash(Array(index.utf8))))
        func target(_ status: String) async throws -> Target {
            let fleet = try folder.write("fleet.yaml", "hosts: [{name: a}, {name: b, labels: {\(status)}}]")
            let inventory = try Inventory.load(sources: [.file(path: fleet)], service: "canvas", now: .now)
            let options = try TargetOptions.parse(["--digest", "\(digest)", "--index", file])
            return try await options.withTarget(for: inventory, registry: RegistryOptions.parse([]), environment: [:]) {
                target, _ in target
            }
        }
        for status in ["platform: linux/amd64", "arch: x86_64", "region: eu", "platform: linux/386"] {
            #expect(try await target(status).content?.manifests.count == 1)
        }
        for status in ["platform: linux/arm64", "arch: aarch64", "platform: windows/amd64"] {
            let error = await #expect(throws: RegistryError.self) { try await target(status) }
            #expect(error?.exitCode == 64)
            #expect(error?.description.contains("the platform of b in the inventory (it has linux/amd64)") == true)
        }
    }

    @Test(
        "A single manifest for another platform than the inventory states is rejected, if its platform is known"
    )
    func singleManifest() throws {
        func check(_ platform: String?, _ labels: [String: String]) -> RegistryError? {
            let content = PromotedContent(
                isIndex: false,
                manifests: [.init(digest: .of("1"), platform: platform.flatMap(Platform.init(parsing:)))],
                isIncomplete: platform == nil ? true : nil)
            do throws(RegistryError) {
                try TargetResolver.check(content, called: "canvas", for: Fleet.hosts([labels]))
                return nil
            } catch {
                return error
            }
        }
        #expect(check("linux/amd64", ["platform": "linux/arm64"])?.exitCode == 64)
        #expect(check("linux/arm64", ["arch": "amd64"])?.exitCode == 64)
        #expect(check("linux/amd64", ["arch": "x86_64"]) == nil)
        #expect(check("linux/amd64", [:]) == nil)
        #expect(check(nil, ["platform": "linux/arm64"]) == nil)
        // A platform that the engine can run anyway is accepted: only the inventory states requirements.
        let content = PromotedContent(
            isIndex: false, manifests: [.init(digest: .of("1"), platform: Platform(parsing: "linux/amd64"))])
        #expect(Platform(parsing: "linux/arm64").map(content.lacks) == false)
    }
}
