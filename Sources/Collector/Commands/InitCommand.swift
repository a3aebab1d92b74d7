import ArgumentParser
import CollectorSupport
import Glibc
import Inventory
import Operations
import Shared
import Verdict

/// `init`: writes an inventory from a list of hosts.
struct InitCommand: CollectorCommand {
    static let environmentFlags =
        FleetOptions.environmentFlags + AccessOptions.environmentFlags + [
            .init("--request-timeout"), .init("--output"),
        ]
    static let commandLineOnly: [EnvironmentArguments.Flag] = [.init("--force")]

    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write an inventory from a list of hosts, and show what they lack for a proof",
        discussion: """
            Asks each host once, and writes an inventory in YAML: names, URLs, the ids of the hosts that answered, and the \
            service that the agents have. Hosts that do not answer are listed, too, since they are expected. Standard error \
            shows what each host serves, what it lacks for a proof, and the next command. Exits with 0 once the inventory is \
            written, and with 30 if no host answered.
            """)

    @Argument(
        help: ArgumentHelp(
            "A host, a URL of a host, '-' for a list on standard input, or any other inventory that --fleet reads.",
            valueName: "host|url|source"))
    var hosts: [String] = []

    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Access") var access: AccessOptions

    @Option(
        help: "Time limit for one request, including the connect (default: 5s).", transform: ArgumentText.duration)
    var requestTimeout = Policy().requestTimeout

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the inventory to this file instead of standard output.", valueName: "path"))
    var output: String?

    @Flag(help: "Replace an existing file.")
    var force = false

    func validate() throws {
        guard requestTimeout > .zero else {
            throw ValidationError("invalid --request-timeout: expected a duration longer than zero")
        }
        guard !force || path != nil else { throw ValidationError("--force needs --output") }
        guard !hosts.isEmpty || !fleet.isEmpty else {
            throw ValidationError("no hosts: give their names, as in: buildinfo-collector init canvas-01 canvas-02")
        }
    }

    /// The file to write; nil for standard output.
    private var path: String? { output == "-" ? nil : output }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let file = try path.map { path in
            try checkIsFree(path)
            do throws(AtomicFile.WriteError) {
                return try AtomicFile(path: path)
            } catch {
                throw UsageError("cannot write --output '\(Self.shown(path))': \(error.reason)")
            }
        }
        var fleet = fleet
        for host in hosts { try fleet.add(host) }
        let inventory = try await fleet.load(defaultService: InitRun.unknownService)
        guard !inventory.hosts.isEmpty else {
            throw UsageError("\(inventory.source) lists no host: add one, or correct --select")
        }
        let run = InitRun(
            inventory: inventory, access: try access.access(for: inventory), requestTimeout: requestTimeout,
            concurrency: access.concurrency, port: fleet.port, prefersTLS: access.ca != nil || access.cert != nil,
            flags: access.words)
        let result = try await Spinner.show("asking the hosts", on: .standardError, environment: environment) { _ in
            try await run.run()
        }
        let errors = Terminal.standardError
        func say(_ lines: [String]) { errors.write(lines.map { "\($0)\n" }.joined()) }
        say(result.findings(errors.layout))
        if let yaml = result.yaml {
            if let file, let path {
                try checkIsFree(path)
                do throws(AtomicFile.WriteError) {
                    try file.write(yaml.utf8)
                } catch {
                    throw UsageError("cannot write --output '\(Self.shown(path))': \(error.reason)")
                }
            } else {
                Terminal.standardOutput.write(yaml)
            }
        }
        say(result.ending(path ?? "fleet.yaml", path != nil).flatMap(errors.layout.wrapped))
        throw ExitCode(result.exitCode)
    }

    /// - Throws: if the file exists and may not be replaced.
    private func checkIsFree(_ path: String) throws(UsageError) {
        guard !force, FilePresence.exists(path) else { return }
        throw UsageError("--output '\(Self.shown(path))' exists: give --force to replace it, or another path")
    }

    private static func shown(_ path: String) -> String { Sanitizer.singleLine(path, limit: 200) }
}

extension FleetOptions {
    /// Adds a host, or a source if that is what the argument names.
    fileprivate mutating func add(_ argument: String) throws(UsageError) {
        if argument == "-" || argument.hasPrefix("dns:") || argument.hasPrefix("dns+srv:") {
            fleet.append(argument)
            return
        }
        guard !argument.contains("://") else { return host.append(argument) }
        let path = argument.lastIndex(of: "#").map { String(argument[..<$0]) } ?? argument
        // A pipe holds a list, too.
        if FilePresence.isFile(argument) || FilePresence.isFile(path) {
            fleet.append(argument)
            return
        }
        let endings = [".yaml", ".yml", ".json", ".ini", ".txt"]
        guard !path.contains("/"), !endings.contains(where: path.hasSuffix) else {
            throw UsageError(
                "'\(Sanitizer.singleLine(argument, limit: 200))' is neither a host nor a file: check the path")
        }
        host.append(argument)
    }
}

extension AccessOptions {
    /// The options as words for another command.
    fileprivate var words: [String] {
        [("--token-file", tokenFile), ("--ca", ca), ("--cert", cert), ("--key", key)].flatMap { flag, value in
            value.map { [flag, $0] } ?? []
        }
    }
}
