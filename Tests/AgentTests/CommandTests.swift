import Shared
import Synchronization
import Testing

@testable import Agent

@Suite("Commands") struct CommandTests {
    private struct Outcome {
        var code: Int32
        var output: String
        var error: String
    }

    private func run(_ arguments: [String], environment: [String: String] = [:]) async -> Outcome {
        let texts = SharedTexts()
        let console = Console(
            environment: environment, output: { texts.append(output: $0) }, error: { texts.append(error: $0) })
        let code = await Agent.execute(arguments, console: console)
        return Outcome(code: code, output: texts.output, error: texts.error)
    }

    private final class SharedTexts: Sendable {
        private let texts = Mutex((output: "", error: ""))
        func append(output: String) { texts.withLock { $0.output += output } }
        func append(error: String) { texts.withLock { $0.error += error } }
        var output: String { texts.withLock { $0.output } }
        var error: String { texts.withLock { $0.error } }
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        var arguments: [String]
        /// Parts of the line: the input and the remedy.
        var named: [String]
        var testDescription: String { arguments.joined(separator: " ") }

        init(_ arguments: [String], _ named: String...) {
            self.arguments = arguments
            self.named = named
        }
    }

    private static let good = ["--service", "canvas=file:/x"]

    @Test(
        "A wrong command line exits with 64 and one line that names the input and the remedy",
        arguments: [
            Wrong(["serv"], "unknown command 'serv': did you mean 'serve'?"),
            Wrong(["chekc", "--no-sources"], "unknown command 'chekc': did you mean 'check'?"),
            Wrong(["help", "pritn"], "unknown command 'pritn': did you mean 'print'?"),
            Wrong(["zebra"], "unknown command 'zebra': see buildinfo-agent --help"),
            Wrong(["--lisen", "x"], "'--lisen'", "Did you mean '--listen'?\n"),
            Wrong(["check", "--servce", "a=compose:a"], "'--servce'", "Did you mean '--service'?\n"),
            Wrong([], "--service NAME=SELECTOR"),
            Wrong(["serve"], "--service NAME=SELECTOR"),
            Wrong(["print"], "--service NAME=SELECTOR"),
            Wrong(["--service", "canvas"], "'canvas'", "NAME=SELECTOR"),
            Wrong(["--service", "=file:/x"], "letters"),
            Wrong(["--service", "a/b=file:/x"], "'a/b'", "letters"),
            Wrong(["--service", "canvas=pod:x"], "'pod:x'", "compose:SERVICE"),
            Wrong(["--service", "canvas=x"], "'x'", "compose:SERVICE"),
            Wrong(["--service", "canvas=compose:"], "'compose:'", "write a value"),
            Wrong(["--service", "canvas=compose:a/b/c"], "'compose:a/b/c'", "compose:PROJECT/SERVICE"),
            Wrong(["--service", "canvas=compose:/canvas"], "compose:PROJECT/SERVICE"),
            Wrong(["--service", "canvas=compose:shop/"], "compose:PROJECT/SERVICE"),
            Wrong(["--service", "canvas=swarm:"], "'swarm:'", "write a value"),
            Wrong(["--service", "canvas=compose:canvas,instances=0"], "N from 1 to 256"),
            Wrong(["--service", "canvas=compose:canvas,instances=257"], "N from 1 to 256"),
            Wrong(["--service", "canvas=compose:canvas,instances=+3"], "N from 1 to 256"),
            Wrong(["--service", "canvas=compose:canvas,instances="], "N from 1 to 256"),
            Wrong(["--service", "canvas=compose:canvas,instances=three"], "N from 1 to 256"),
            Wrong(["--service", "canvas=file:/x,instances=2"], "a file has no instances"),
            Wrong(["--service", "canvas=label:key"], "'label:key'", "label:KEY=VALUE"),
            Wrong(["--service", "canvas=image:nginx:latest"], "'image:nginx:latest'", "without tag"),
            Wrong(good + good, "'canvas'", "twice"),
            Wrong(good + ["--probe", "http://127.0.0.1/"], "'http://127.0.0.1/'", "NAME=URL"),
            Wrong(good + ["--probe", "web=http://127.0.0.1/"], "'web'", "--service"),
            Wrong(good + ["--probe", "canvas=http://10.0.0.1/"], "'http://10.0.0.1/'", "127.0.0.1"),
            Wrong(
                good + ["--probe", "canvas=http://[::1]/", "--probe", "canvas=http://[::1]/"], "'canvas'", "two probes"),
            Wrong(good + ["--listen", "9480"], "'9480'", "HOST:PORT"),
            Wrong(good + ["--listen", "0.0.0.0:0"], "0.0.0.0:0", "--allow-anonymous"),
            Wrong(good + ["--listen", "[::]:0"], "[::]:0", "--allow-anonymous"),
            Wrong(good + ["--engine", "ssh://10.0.0.1"], "'ssh://10.0.0.1'", "unix:///"),
            Wrong(good + ["--engine", "tcp://10.0.0.1:2375"], "'tcp://10.0.0.1:2375'", "DOCKER_TLS_VERIFY=1"),
            Wrong(good + ["--host-id", "short"], "'short'", "8 to 64"),
            Wrong(good + ["--host-id", "has space in it"], "8 to 64"),
            Wrong(good + ["--host-name", ""], "255"),
            Wrong(good + ["--host-name", "a\nb"], "printable"),
            Wrong(good + ["--log-level", "loud"], "'loud'", "debug"),
            Wrong(good + ["--log-format", "xml"], "'xml'", "json"),
            Wrong(good + ["--unknown"], "--unknown", "--help"),
            Wrong(["print"] + good + ["--listen", "127.0.0.1:0"], "--listen", "--help"),
        ])
    func wrong(example: Wrong) async {
        let outcome = await run(example.arguments)
        #expect(outcome.code == 64)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.hasPrefix("buildinfo-agent: "))
        #expect(outcome.error.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
        for part in example.named { #expect(outcome.error.contains(part)) }
    }

    @Test("Help and version go to standard output and exit with 0", arguments: ["--help", "--version", "help"])
    func help(argument: String) async {
        let outcome = await run([argument], environment: ["BUILDINFO_SERVICE": "canvas=file:/x"])
        #expect(outcome.code == 0)
        #expect(outcome.error.isEmpty)
        #expect(outcome.output.contains(argument == "--version" ? BuildinfoVersion.current : "buildinfo-agent"))
    }

    @Test(
        "The usage of a command has its name", arguments: ["serve", "read", "print", "check", "init"],
        [["--help"], ["-h"]])
    func usage(command: String, help: [String]) async {
        for arguments in [[command] + help, ["help", command]] {
            let outcome = await run(arguments)
            #expect(outcome.code == 0)
            #expect(outcome.output.contains("USAGE: buildinfo-agent \(command) "), "\(outcome.output)")
        }
    }

    @Test("print shows the first service's document, and its exit code reflects the state")
    func printed() async throws {
        let folder = try TemporaryFolder()
        let states = [("serving", Int32(0)), ("starting", 1), ("exited", 1), ("absent", 1), ("unknown", 69)]
        for (state, code) in states {
            let path = try folder.write("{\"git_sha\":\"\(Samples.sha)\",\"state\":\"\(state)\"}", to: "canvas")
            let outcome = await run([
                "print", "--service", "canvas=file:\(path)", "--service", "web=file:/nowhere", "--host-id", "host-0001",
            ])
            #expect(outcome.code == code)
            #expect(outcome.output.hasSuffix("}\n"))
            #expect(outcome.output.contains("\"state\":\"\(state)\""))
            #expect(outcome.output.contains("\"id\":\"host-0001\""))
        }
        let missing = await run(["print", "--service", "canvas=file:\(folder.file("missing"))"])
        #expect(missing.code == 69)
        let noEngine = await run([
            "print", "--service", "canvas=compose:canvas", "--engine", "unix://\(folder.file("none.sock"))",
        ])
        #expect(noEngine.code == 69)
        #expect(noEngine.output.contains("does not exist"))
    }

    @Test("The environment sets flags, and a flag takes precedence")
    func environment() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Samples.sha, to: "canvas")
        let environment = [
            "BUILDINFO_SERVICE": "canvas=file:\(path)", "BUILDINFO_HOST_ID": "from-environment",
            "BUILDINFO_LISTEN": "nonsense",
        ]
        let plain = await run(["print"], environment: environment)
        #expect(plain.code == 0)
        #expect(plain.output.contains("\"from-environment\""))
        #expect(
            await run(["print", "--host-id", "from-the-flag"], environment: environment).output.contains(
                "\"from-the-flag\""))
        #expect(await run([], environment: environment).error.contains("'nonsense'"))
    }

    @Test("A host's id is derived from the machine id, and does not reveal it")
    func machineIdentity() throws {
        let folder = try TemporaryFolder()
        let id = "0123456789abcdef0123456789abcdef"
        try folder.write("\(id)\n", to: "second")
        try folder.write("boot-a\n", to: "boot")
        let machine = MachineIdentity(
            machineIDPaths: [folder.file("first"), folder.file("second")], bootIDPath: folder.file("boot"),
            hostName: { "vm" })
        let host = try machine.host(id: nil, name: nil)
        #expect(host.id.utf8.count == 32 && host.id != id && host.bootID.utf8.count == 32)
        #expect(host.name == "vm")
        #expect(try machine.host(id: nil, name: nil) == host)
        try folder.write("boot-b\n", to: "boot")
        let rebooted = try machine.host(id: nil, name: "other")
        #expect(rebooted.id == host.id && rebooted.bootID != host.bootID && rebooted.name == "other")
        try folder.write("fedcba9876543210fedcba9876543210\n", to: "first")
        #expect(try machine.host(id: nil, name: nil).id != host.id)
        for bad in ["", "uninitialized\n", "short\n"] {
            try folder.write(bad, to: "first")
            try folder.write(bad, to: "second")
            #expect(throws: AgentError.noMachineID) { try machine.host(id: nil, name: nil) }
            #expect(try machine.host(id: "host-0001", name: nil).id == "host-0001")
        }
    }

    @Test("The default engine is the first existing socket, found again at each observation")
    func engineDefault() throws {
        let folder = try TemporaryFolder()
        let sockets = try EngineSockets(parsing: [], environment: ["XDG_RUNTIME_DIR": folder.path])
        #expect(
            sockets.defaults == [
                "/run/docker.sock", folder.file("docker.sock"), "/run/podman/podman.sock",
                folder.file("podman/podman.sock"),
            ])
        #expect(
            try EngineSockets(parsing: ["unix:///a", "unix:/b", "unix:///a"], environment: [:]).current() == [
                .unix(path: "/a"), .unix(path: "/b"),
            ])
    }
}
