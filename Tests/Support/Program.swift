internal import Foundation
internal import Glibc

/// A program that tests run: the agent, the collector, or an installed one.
public struct Program: Sendable {
    /// An absolute path.
    public let path: String

    /// The agent of the same build as this test.
    public static func agent() throws -> Program { try built("buildinfo-agent") }
    /// The collector of the same build as this test.
    public static func collector() throws -> Program { try built("buildinfo-collector") }
    /// The fleet of simulated hosts of the same build as this test.
    public static func fleet() throws -> Program { try built("buildinfo-fleet") }

    /// An installed program.
    ///
    /// - Parameter remedy: the way to install it, for example `apt-get install docker.io`.
    public static func installed(_ name: String, remedy: String) throws -> Program {
        let candidates = searchPath.map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw MissingPart("the program '\(name)'", remedy: remedy)
        }
        return Program(path: path)
    }

    /// The folder that holds the built programs.
    public static func productsFolder() throws -> String {
        let path = try built("buildinfo-agent").path
        return String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }

    private static func built(_ name: String) throws -> Program {
        // The folder of the test's binary: beside the test bundle, or inside it.
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        for _ in 1...4 {
            folder.deleteLastPathComponent()
            let path = folder.appendingPathComponent(name).path
            if access(path, X_OK) == 0 { return Program(path: path) }
        }
        throw MissingPart("the built program '\(name)'", remedy: "swift build")
    }

    private static var searchPath: [String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        // Daemons are in folders that an ordinary user's PATH lacks.
        return path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/local/sbin"]
    }

    /// The default environment of a program: the search path, and none of the user's settings.
    private static let cleanEnvironment = ["PATH": searchPath.joined(separator: ":"), "LC_ALL": "C.UTF-8"]

    /// Starts the program in the background.
    public func start(
        _ arguments: [String], environment: [String: String] = [:], input: String = ""
    ) throws -> RunningProgram {
        try RunningProgram(
            path, arguments, environment: Self.cleanEnvironment.merging(environment) { $1 }, input: input)
    }

    /// Runs the program and waits for its end.
    public func run(
        _ arguments: [String], environment: [String: String] = [:], input: String = "",
        within limit: Duration = .seconds(120)
    ) async throws -> RunningProgram.Outcome {
        try await start(arguments, environment: environment, input: input).wait(within: limit)
    }

    /// Runs the program and requires that it succeeds.
    ///
    /// - Returns: the trimmed standard output.
    @discardableResult
    public func succeed(
        _ arguments: [String], environment: [String: String] = [:], within limit: Duration = .seconds(120)
    ) async throws -> String {
        let outcome = try await run(arguments, environment: environment, within: limit)
        guard outcome.exitCode == 0 else {
            let call = ([path] + arguments).joined(separator: " ")
            throw SpawnedProcess.Failure(description: "\(call) ended with \(outcome.exitCode): \(outcome.error)")
        }
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
