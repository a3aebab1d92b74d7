import ArgumentParser
import Foundation
import Shared
import Support
import Testing

@testable import Collector
@testable import CollectorSupport
@testable import Inventory

@Suite("Options: environment variables")
struct EnvironmentFlagsTests {
    /// A command as `--experimental-dump-help` describes it.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String
            }

            var kind: String
            var names: [Name]?
            var isRepeating: Bool
        }

        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?

        /// The long options, and the shape of each.
        var options: [String: EnvironmentArguments.Flag.Shape] {
            var options: [String: EnvironmentArguments.Flag.Shape] = [:]
            for argument in arguments ?? [] where argument.kind != "positional" {
                for name in argument.names ?? [] where name.kind == "long" && !["help", "version"].contains(name.name) {
                    options["--\(name.name)"] =
                        argument.kind == "flag" ? .switchOn : argument.isRepeating ? .values : .value
                }
            }
            return options
        }
    }

    private struct Dump: Decodable {
        var command: Command
    }

    private static func command(_ name: String) throws -> Command {
        do {
            _ = try Collector.parseAsRoot(["--experimental-dump-help"])
        } catch {
            let dump = try JSONDecoder().decode(Dump.self, from: Data(Collector.fullMessage(for: error).utf8))
            return try #require(dump.command.subcommands?.first { $0.commandName == name })
        }
        throw CocoaError(.fileReadUnknown)
    }

    @Test(
        "Each option of a command that contacts hosts, forge or registry has a variable or must be on the command line")
    func completeness() throws {
        let commands: [any CollectorCommand.Type] = [
            VerifyCommand.self, StatusCommand.self, WaitCICommand.self, PromoteCommand.self, RollbackCommand.self,
            InitCommand.self, DoctorCommand.self,
        ]
        for command in commands {
            var options = try Self.command(command._commandName).options
            // BUILDINFO_TO is the tag that promote moves.
            if command == RollbackCommand.self { options["--to"] = nil }
            for flag in command.environmentFlags {
                #expect(options[flag.name] == flag.shape, "\(command._commandName) \(flag.name)")
            }
            let known = command.environmentFlags + command.commandLineOnly
            #expect(Set(known.map(\.name)).count == known.count, "\(command._commandName)")
            #expect(Set(known.map(\.name)) == Set(options.keys), "\(command._commandName)")
        }
    }

    @Test("Commands that only show or maintain the ledger take its place from the environment, and nothing else")
    func ledgerCommands() throws {
        let commands: [any CollectorCommand.Type] = [
            HistoryCommand.self, ReportCommand.self, LedgerCheckCommand.self, LedgerPruneCommand.self,
            LedgerBackupCommand.self, LedgerRestoreCommand.self,
        ]
        for command in commands { #expect(command.environmentFlags.map(\.variable) == ["BUILDINFO_STORE"]) }
        #expect(ReplayCommand.environmentFlags.isEmpty && DrillCommand.environmentFlags.isEmpty)
    }

    @Test("A variable reaches its command, and the option wins over it")
    func values() throws {
        let sha = String(repeating: "c0ffee12", count: 5)
        func verify(_ arguments: String...) throws -> VerifyCommand {
            let environment = [
                "BUILDINFO_SHA": sha, "BUILDINFO_SERVICE": "api", "BUILDINFO_HOST": "a\nb",
                "BUILDINFO_ALLOW_EMPTY": "yes",
            ]
            return try #require(
                try Invocation(arguments: ["verify"] + arguments, environment: environment).parsed() as? VerifyCommand)
        }
        let command = try verify()
        #expect(command.target.sha?.hex == sha)
        #expect(command.fleet.service == "api")
        #expect(command.fleet.host == ["a", "b"])
        #expect(command.policy.allowEmpty)
        #expect(try verify("--service", "web").fleet.service == "web")
    }

    @Test("The service comes from --service or the inventory, and is an error without either")
    func service() async throws {
        let folder = try TemporaryFolder()
        let unnamed = try folder.write("hosts.txt", "a\nb\n")
        let named = try folder.write("fleet.yaml", "service: api\nhosts: [a]\n")
        func name(_ arguments: String...) async throws -> String {
            let options = try FleetOptions.parse(arguments)
            let name = "\(try await options.deployedService(nil))"
            if !options.isEmpty {
                let loaded = try await options.load()
                #expect("\(loaded.deployed)" == name)
            }
            return name
        }
        #expect(try await name("--fleet", named) == "api")
        #expect(try await name("--fleet", named, "--service", "web") == "web")
        #expect(try await name("--fleet", unnamed, "--service", "web") == "web")
        #expect(try await name("--service", "web") == "web")
        #expect(try await name("--fleet", named, "--host", "c") == "api")
        let production = try folder.write("production.yaml", "service: api\nenvironment: production\nhosts: [a]\n")
        #expect(try await name("--fleet", production) == "api in production")
        #expect(try await name("--fleet", production, "--service", "web") == "web in production")
        #expect(try await name("--fleet", production, "--environment", "staging") == "api in staging")
        #expect(try await name("--fleet", production, "--environment", "default") == "api")
        #expect(try await name("--service", "web", "--environment", "eu-west.1") == "web in eu-west.1")
        for arguments in [["--fleet", unnamed], ["--host", "a"], ["--host", "http://a:9480/buildinfo"]] {
            let error = await #expect(throws: InventoryError.self) {
                _ = try await FleetOptions.parse(arguments).load()
            }
            #expect(error?.exitStatus == .usage)
            #expect(error?.description.hasPrefix("no service named: give --service NAME, or ") == true)
        }
        let error = await #expect(throws: UsageError.self) { _ = try await FleetOptions.parse([]).deployedService(nil) }
        #expect(error?.description.hasPrefix("no service named: give --service NAME, or ") == true)
    }
}
