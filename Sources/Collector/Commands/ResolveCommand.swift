import ArgumentParser
import CollectorSupport
import Registry
import Shared
import Transfer

/// `resolve`: what a reference is, and whether another one is the same image.
struct ResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract:
            "Say what a tag is: index, platforms, digests, commit; and whether two references are the same image.",
        discussion: """
            With two references: 0 where they are the same image, and 20 where they are not (the code of a wrong image). \
            64 where a reference is absent or is no image, 69 where the registry cannot be asked.
            """)

    @Argument(
        help: ArgumentHelp("For example registry.example/canvas:latest.", valueName: "ref"),
        transform: ArgumentText.imageReference)
    var reference: ImageReference

    @Argument(
        help: ArgumentHelp("To be compared with the first.", valueName: "ref2"),
        transform: ArgumentText.imageReference)
    var other: ImageReference?

    @Flag(help: "As JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Keep the first one's raw bytes, for verify --index: whole, or not at all.", valueName: "file"))
    var save: String?

    @OptionGroup(title: "Registry") var registry: RegistryOptions

    func run() async throws {
        let environment = ProcessEnvironment.current
        let file = try save.map { path throws(UsageError) in try ManifestFile(opening: path) }
        let images = try await Spinner.show("asking", on: .standardError, environment: environment) { _ in
            try await resolve(environment: environment)
        }
        try file?.write(images[0].manifest.bytes)
        let comparison = images.count == 2 ? ImageComparison(images[0], images[1]) : nil
        Terminal.standardOutput.write(try output(images, comparison))
        if let comparison, comparison.rule == nil { throw ExitCode(Self.notTheSame) }
    }

    private static let notTheSame: Int32 = 20

    private func resolve(environment: [String: String]) async throws -> [ResolvedImage] {
        try await WebClient.with { web in
            let client = try registry.client(web: web, environment: environment)
            var images = [try await client.resolve(reference)]
            if let other { images.append(try await client.resolve(other)) }
            return images
        }
    }

    /// What is written to standard output.
    private func output(_ images: [ResolvedImage], _ comparison: ImageComparison?) throws -> String {
        json
            ? try ResolvedImageJSON(images, comparison).text()
            : ResolvedImageTable(images: images, comparison: comparison).text()
    }
}
