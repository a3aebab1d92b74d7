import Foundation
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Verdict

@Suite("Ansible inventories")
struct AnsibleInventoryTests {
    private static let files = [
        "groups.ini", "ranges.ini", "nested.ini", "priority.ini", "cluster.ini", "literals.ini", "ports.ini",
        "groups.yaml", "ranges.yaml", "top.yaml", "folders/hosts.ini", "list.json",
    ]

    @Test("Hosts, addresses, groups and variables are those of ansible-inventory", arguments: files)
    func agreement(file: String) async throws {
        let path = try InventoryFixtures.folder("ansible") + "/" + file
        let ansible = try await Listing(reading: path)
        let ours = try load(path)
        #expect(ours.hosts.map(\.name).sorted() == ansible.variables.keys.sorted())
        #expect(!ours.hosts.isEmpty)
        for host in ours.hosts {
            let variables = try #require(ansible.variables[host.name])
            let address = variables["ansible_host"] as? String ?? host.name
            let literal = address.contains(":") ? "[\(address)]" : address
            #expect(host.url == "http://\(literal):9480/buildinfo/canvas")
            let own = host.labels.filter { $0.key != AnsibleInventory.groupLabel }
            let labels = variables.filter { !$0.key.hasPrefix("ansible_") && Listing.isLabel($0.value) }
            #expect(own.keys.sorted() == labels.keys.sorted(), "\(host.name)")
            for (key, value) in labels {
                let text = try #require(own[key], "\(host.name) \(key)")
                #expect(Listing.isSame(value, text), "\(host.name) \(key): \(value) and \(text)")
            }
        }
        for (group, members) in ansible.groups {
            #expect(try load("\(path)#\(group)").hosts.map(\.name).sorted() == members.sorted(), "#\(group)")
        }
    }

    @Test(
        "The output of ansible-inventory has the same hash as the inventory", arguments: ["nested.ini", "top.yaml"])
    func output(file: String) async throws {
        let path = try InventoryFixtures.folder("ansible") + "/" + file
        let output = try await Listing.program().succeed(["-i", path, "--list"])
        #expect(try InventoryFixtures.load(texts: [output]).hash == load(path).hash)
    }

    @Test("The groups that list a host are its label, and variables of the collector set its address")
    func ownVariables() throws {
        let text = """
            [canary]
            canvas-01 buildinfo_port=9481 buildinfo_id=6f0c buildinfo_scheme=https
            canvas-02 ansible_host=10.0.0.2 buildinfo_port=9482
            canvas-03 buildinfo_url=https://proxy.example/canvas-03 ansible_host=10.0.0.3
            canvas-04 group=mine
            [eu]
            canvas-02
            [all:vars]
            domain=example.com
            [stable]
            canvas-05 ansible_host="{{ inventory_hostname }}.{{domain}}"
            """
        let hosts = try InventoryFixtures.load(texts: [text]).hosts
        #expect(
            hosts.map(\.url) == [
                "https://canvas-01:9481/buildinfo/canvas", "http://10.0.0.2:9482/buildinfo/canvas",
                "https://proxy.example/canvas-03", "http://canvas-04:9480/buildinfo/canvas",
                "http://canvas-05.example.com:9480/buildinfo/canvas",
            ])
        #expect(hosts.map { $0.labels["group"] } == ["canary", "canary,eu", "canary", "mine", "stable"])
        #expect(hosts[0].id == "6f0c")
    }

    @Test("A variable that may hold a secret is not a label")
    func secrets() throws {
        let names = [
            "password", "db_password", "DB_PASSWD", "api_token", "client_secret", "private_key", "ssh_pass", "api_key",
            "vault_db", "aws_credentials", "ansible_password", "ansible_become_pass", "basic_auth",
        ]
        let text = "web-1 rack=r7 compass=north " + names.map { "\($0)=hunter2" }.joined(separator: " ")
        let host = try #require(InventoryFixtures.load(texts: ["[web]\n\(text)"]).hosts.first)
        #expect(host.labels == ["rack": "r7", "compass": "north", "group": "web"])
        let yaml =
            "web:\n  hosts:\n    web-1:\n      color: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6130\n"
        #expect(try InventoryFixtures.load(texts: [yaml]).hosts.first?.labels == ["group": "web"])
    }

    @Test("An encrypted file of variables is a warning")
    func vault() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try FileManager.default.createDirectory(atPath: "\(folder.path)/host_vars", withIntermediateDirectories: false)
        _ = try folder.write("$ANSIBLE_VAULT;1.1;AES256\n6130\n", to: "host_vars/a.yml")
        let inventory = try load(folder.write("[web]\na\nb\n", to: "hosts"))
        #expect(inventory.hosts.map(\.name) == ["a", "b"])
        let warning = inventory.warnings.map { $0.replacingOccurrences(of: "\(folder.path)/", with: "") }
        #expect(warning == ["host_vars/a.yml: encrypted variables are not read: keep ansible_host in a plain file"])
    }

    private static let mistakes: [(String, String)] = [
        (
            "[web]\na\n[db:childs]\n",
            "0.txt:3: unknown section '[db:childs]': expected [GROUP], [GROUP:children] or [GROUP:vars]"
        ),
        (
            "[web]\na\n[my group]\n",
            "0.txt:3: invalid section '[my group]': expected [GROUP] without spaces, [GROUP:children] or [GROUP:vars]"
        ),
        (
            "[web]\na\n[all:children]\nwbe\n",
            "0.txt:4: [all:children] names the group 'wbe', which has no section: did you mean 'web'?"
        ),
        (
            "[web]\na\n[nodes:vars]\nx=1\n",
            "0.txt:3: [nodes:vars] names the group 'nodes', which has no section: add [nodes] with its hosts"
        ),
        (
            "[web]\na hunter2\n",
            "0.txt:2: a variable is not NAME=VALUE: write NAME=VALUE, with quotes around a value with spaces"
        ),
        ("[web]\na x='1\n", "0.txt:2: a quote is not closed: add the closing quote"),
        (
            "[web]\na[3:1]\n",
            "0.txt:2: invalid range in 'a[3:1]': expected [BEGIN:END] or [BEGIN:END:STEP] with numbers or letters, such as [01:12]"
        ),
        (
            "[web]\na[01:100]\n",
            "0.txt:2: invalid range in 'a[01:100]': expected [BEGIN:END] or [BEGIN:END:STEP] with numbers or letters, such as [01:12]"
        ),
        ("[web]\na[1:9][1:99999]\n", "0.txt:2: 'a[1:9][1:99999]' is more than 100000 hosts: use a smaller range"),
        (
            "[a]\nx\n[b]\ny\n[a:children]\nb\n[b:children]\na\n",
            "0.txt:8: the groups 'b' and 'a' contain each other: remove one from the other's children"
        ),
        ("[web]\na buildinfo_port=0\n", "0.txt:2: invalid buildinfo_port '0': expected a number from 1 to 65535"),
        (
            "[web]\na ansible_host={{ip|first}}\n",
            "0.txt:2: ansible_host of 'a' is not plain text: write the value itself, or pass the output of 'ansible-inventory --list' with --fleet -"
        ),
        (
            "all:\n  host:\n    a:\n  hosts:\n    b:\n",
            "0.txt:2: unknown key 'host' in the group 'all': did you mean 'hosts'?"
        ),
        ("all:\n  hosts:\n    a: 5\n", "0.txt:3: variables need names: write one 'NAME: VALUE' per line"),
        ("all: 5\n", "0.txt:1: the group 'all' needs hosts, children or vars below it"),
    ]

    @Test("A mistake has its file, line and remedy", arguments: mistakes)
    func mistake(text: String, message: String) throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write(text, to: "0.txt")
        #expect(InventoryFixtures.failure({ try load(path) }, in: folder.path) == message)
    }

    @Test("An unknown group is an error, and so is a group of another format")
    func unknownGroup() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write("[web]\na\n[db]\nb\n", to: "hosts")
        #expect(
            InventoryFixtures.failure({ try load("\(path)#wbe") }, in: folder.path)
                == "hosts: no group is named 'wbe': did you mean '#web'?")
        let list = try folder.write("a\nb\n", to: "list")
        #expect(
            InventoryFixtures.failure({ try load("\(list)#web") }, in: folder.path)
                == "list: '#web' is for a group of an Ansible inventory: remove it, and give --select KEY=VALUE")
        let named = try folder.write("a\n", to: "odd#name")
        #expect(try load(named).hosts.map(\.name) == ["a"])
    }

    private func load(_ argument: String) throws -> Inventory {
        try InventoryFixtures.load(sources: [InventorySource(argument: argument)], now: InventoryFixtures.now)
    }
}

/// The listing that `ansible-inventory` prints of an inventory.
private struct Listing {
    var variables: [String: [String: Any]] = [:]
    /// The hosts of each group, and of the groups below it.
    var groups: [String: Set<String>] = [:]

    static func program() throws -> Program {
        try Program.installed("ansible-inventory", remedy: "apt-get install ansible-core")
    }

    init(reading path: String) async throws {
        // Ansible reads JSON only from a program.
        let source = path.hasSuffix(".json") ? path.replacingOccurrences(of: ".json", with: ".sh") : path
        let output = try await Self.program().succeed(["-i", source, "--list"])
        let root = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: [String: Any]])
        let all = root["_meta"]?["hostvars"] as? [String: [String: Any]] ?? [:]
        func members(_ group: String) -> Set<String> {
            let own = Set(root[group]?["hosts"] as? [String] ?? [])
            return (root[group]?["children"] as? [String] ?? []).reduce(own) { $0.union(members($1)) }
        }
        for group in root.keys where group != "_meta" { groups[group] = members(group) }
        for host in members("all") { variables[host] = all[host] ?? [:] }
    }

    /// True for single values; what begins with a bracket may be a list, and a template has no value yet.
    static func isLabel(_ value: Any) -> Bool {
        if let text = value as? String {
            return !text.contains("{{") && !(text.first.map { "[{(".contains($0) } ?? false)
        }
        return value is NSNumber
    }

    /// True if Ansible's value is written as the text.
    static func isSame(_ value: Any, _ text: String) -> Bool {
        if let string = value as? String { return string == text }
        guard let number = value as? NSNumber else { return false }
        if let truth = value as? Bool, number.objCType.pointee == 0x63 {
            return (truth ? ["true", "yes", "on"] : ["false", "no", "off"]).contains(text.lowercased())
        }
        if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16) == number.intValue }
        return Double(text) == number.doubleValue
    }
}
