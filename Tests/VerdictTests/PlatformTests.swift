import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// A host's platform: the engine's, and that of an image that demonstrably runs.
@Suite("The platform of a host")
struct PlatformTests {
    private static func target(_ platforms: String...) -> Target {
        var target = Target.promoted
        target.content = PromotedContent(
            isIndex: true,
            manifests: platforms.enumerated().map { index, platform in
                .init(digest: .of(["7", "8", "9"][index]), platform: Platform(parsing: platform))
            })
        return target
    }

    private static func old(engine: String?, image: String?, state: ServiceState = .serving) -> Answer {
        Answer.old.with {
            $0.platform = image
            $0.state = state
            $0.edit = { $0.engine?.platform = engine }
        }
    }

    @Test(
        "Field 8: an index is a wrong promotion only if it holds nothing for the engine, nor for what the host runs",
        arguments: [
            // The image lies, or runs under emulation: the engine counts.
            ("linux/amd64", "linux/arm64", ["linux/amd64"], false),
            ("linux/arm64", "linux/amd64", ["linux/arm64"], false),
            ("linux/amd64", "linux/riscv64", ["linux/amd64", "linux/arm64"], false),
            // The host demonstrably runs the other platform.
            ("linux/amd64", "linux/s390x", ["linux/s390x"], false),
            ("linux/amd64", nil, ["linux/amd64"], false),
            // The platform is really missing, whatever the image claims.
            ("linux/riscv64", "linux/riscv64", ["linux/amd64"], true),
            ("linux/riscv64", "linux/s390x", ["linux/amd64"], true),
            ("linux/amd64", "linux/amd64", ["linux/arm64"], true),
            ("windows/amd64", "windows/amd64", ["linux/amd64"], true),
            ("linux/riscv64", nil, ["linux/amd64"], true),
            // An older agent does not report the engine's platform.
            (nil, "linux/riscv64", ["linux/amd64"], true), (nil, "linux/amd64", ["linux/amd64"], false),
            // As containerd matches: a newer ARM runs images for an older one, and variants of other architectures are not
            // reported.
            ("linux/arm/v7", "linux/arm/v7", ["linux/arm/v6"], false), ("linux/arm/v6", nil, ["linux/arm/v7"], true),
            ("linux/arm64/v8", nil, ["linux/arm64"], false), ("linux/arm64", nil, ["linux/arm/v7"], false),
            ("linux/arm/v7", nil, ["linux/arm64"], true), ("linux/amd64", nil, ["linux/amd64/v2"], false),
            ("linux/amd64", nil, ["linux/386"], false), ("linux/x86_64", nil, ["linux/amd64"], false),
            // An unreadable platform counts as none reported.
            ("nonsense", "linux/amd64", ["linux/amd64"], false),
        ] as [(String?, String?, [String], Bool)])
    func lacking(engine: String?, image: String?, index: [String], isWrong: Bool) {
        var target = Self.target(index[0])
        if index.count > 1 { target = Self.target(index[0], index[1]) }
        var bench = Bench(policy: .short, target: target)
        bench.poll(1...9) { _, _ in .answer(Self.old(engine: engine, image: image)) }
        #expect((bench.status() == .failed) == isWrong, "\(bench.reason())")
        if isWrong {
            #expect(bench.exitCode == 20)
            #expect(bench.reason().contains("holds nothing for \(engine ?? image ?? "")"))
        }
    }

    @Test("Field 8: an image that does not run shows no emulation")
    func notRunning() {
        var bench = Bench(policy: .short, target: Self.target("linux/s390x"))
        bench.poll(1...9) { _, _ in .answer(Self.old(engine: "linux/amd64", image: "linux/s390x", state: .exited)) }
        #expect(bench.status() == .failed)
    }

    @Test(
        "Field 8: a host is proven by its engine's manifest although the image's configuration names another platform")
    func lyingConfiguration() {
        var bench = Bench(policy: .short, target: Self.target("linux/amd64", "linux/arm64"))
        bench.finish { _, _ in
            .answer(
                Answer(build: Build(sha: "a", digest: "7"), platform: "linux/arm64") {
                    $0.engine?.platform = "linux/amd64"
                })
        }
        #expect(bench.facts().build == .matchPlatform)
        #expect(bench.verdict == .converged)
    }
}
