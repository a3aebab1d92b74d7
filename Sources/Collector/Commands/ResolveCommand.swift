import ArgumentParser
import CollectorSupport
import Registry
import Shared
import Transfer

/// `resolve`: describes a reference, and compares it with another.
struct ResolveCommand: CollectorCommand {
    static let environmentFlags = RegistryOptions.environmentFlags
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Show what a tag is: index, platforms, digests, commit; or compare two references",
        discussion: """
            With two references, exits with 0 if they are the same image, and with 20 if not. Exits with 64 if a reference \
            does not exist or is not an image, and with 69 if the registry is unavailable.
            """)

    @Argument(
        help: ArgumentHelp("The reference, for example registry.example/app:latest.", valueName: "ref"),
        transform: ArgumentText.imageReference)
    var reference: ImageReference

    @Argument(
        help: ArgumentHelp("A second reference, to compare with the first.", valueName: "ref2"),
        transform: ArgumentText.imageReference)
    var other: ImageReference?

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Save the raw bytes of the first reference, for verify --index.", valueName: "file"))
    var save: String?

    @OptionGroup(title: "Registry") var registry: RegistryOptions

    func run() async throws {
        let environment = ProcessEnvironment.current
        let file = try save.map { path throws(UsageError) in try ManifestFile(opening: path) }
        let images = try await Spinner.show("reading from the registry", on: .standardError, environment: environment) {
            _ in
            try await resolve(environment: environment)
        }
        try file?.write(images[0].manifest.bytes)
        let comparison = images.count == 2 ? ImageComparison(images[0], images[1]) : nil
        Terminal.standardOutput.write(try output(images, comparison))
        if let comparison, comparison.rule == nil { throw ExitCode(ExitStatus.failedDeploy) }
    }

    private func resolve(environment: [String: String]) async throws -> [ResolvedImage] {
        try await WebClient.with { web in
            let client = try registry.client(web: web, environment: environment)
            var images = [try await client.resolve(reference)]
            if let other { images.append(try await client.resolve(other)) }
            return images
        }
    }

    /// The text for standard output.
    private func output(_ images: [ResolvedImage], _ comparison: ImageComparison?) throws -> String {
        json
            ? try ResolvedImageJSON(images, comparison).text()
            : ResolvedImageTable(images: images, comparison: comparison).text(Terminal.standardOutput.layout)
    }
}
