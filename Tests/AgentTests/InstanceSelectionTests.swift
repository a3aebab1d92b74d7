import Shared
import Testing

@testable import Agent
@testable import AgentCore

/// The table of instance rules: a row has an engine's containers and the expected result.
@Suite struct InstanceSelectionTests {
    /// A container of a row. Times are seconds of one morning.
    struct Made: Sendable {
        var name: String
        var labels: [String: String] = [:]
        var created: Int?
        var started: Int?
        var finished: Int?
        var status: String
        var exitCode = 0
        var restartCount = 0
        var restartPolicy = "no"
        var isInfrastructure = false

        static func up(
            _ name: String, _ labels: [String: String] = [:], created: Int?, started: Int? = nil,
            status: String = "running"
        ) -> Made {
            Made(name: name, labels: labels, created: created, started: started ?? created, status: status)
        }

        static func ended(
            _ name: String, _ labels: [String: String] = [:], created: Int?, started: Int? = nil, finished: Int? = nil,
            code: Int = 137, restarts: Int = 0, policy: String = "no"
        ) -> Made {
            Made(
                name: name, labels: labels, created: created, started: started ?? created, finished: finished,
                status: "exited", exitCode: code, restartCount: restarts, restartPolicy: policy)
        }

        static func time(_ seconds: Int) -> String {
            let padded = { (number: Int) in (number < 10 ? "0" : "") + String(number) }
            return "2026-11-20T10:\(padded(seconds / 60)):\(padded(seconds % 60)).000000001Z"
        }

        func facts(_ number: Int) throws -> ContainerFacts {
            var facts = try Samples.facts(name: name)
            facts.id = String(number)
            facts.state = ContainerStateFacts(
                status: status, running: ["running", "restarting", "paused"].contains(status),
                paused: status == "paused", restarting: status == "restarting", exitCode: exitCode,
                startedAt: started.map(Self.time) ?? "0001-01-01T00:00:00Z", finishedAt: finished.map(Self.time))
            facts.createdAt = created.map { Self.time($0) }.flatMap(EngineTime.init)
            facts.restartCount = restartCount
            facts.restartPolicy = restartPolicy
            facts.origin = ContainerOrigin(labels: labels, name: name)
            facts.isPodInfrastructure = isInfrastructure
            return facts
        }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var selector: String
        var containers: [Made]
        var instances: [String]
        /// `NAME REASON`.
        var leftOut: [String] = []
        var projects: [String] = []

        init(
            _ description: String, _ selector: String, _ containers: [Made], _ instances: [String],
            leftOut: [String] = [], projects: [String] = []
        ) {
            testDescription = description
            self.selector = selector
            self.containers = containers
            self.instances = instances
            self.leftOut = leftOut
            self.projects = projects
        }

        /// For a selector without a deployment tool.
        init(_ description: String, _ containers: [Made], _ instances: [String], leftOut: [String] = []) {
            self.init(description, "label:app=canvas", containers, instances, leftOut: leftOut)
        }
    }

    private static func compose(
        _ number: String? = "1", project: String? = "shop", service: String = "canvas", oneOff: String = "False",
        dependsOn: String? = nil
    ) -> [String: String] {
        var labels = [
            "com.docker.compose.service": service, "com.docker.compose.oneoff": oneOff,
        ]
        labels["com.docker.compose.project"] = project
        labels["com.docker.compose.container-number"] = number
        labels["com.docker.compose.depends_on"] = dependsOn
        return labels
    }

    private static func podman(_ number: String, project: String = "shop") -> [String: String] {
        [
            "io.podman.compose.project": project, "io.podman.compose.service": "canvas",
            "com.docker.compose.project": project, "com.docker.compose.service": "canvas",
            "com.docker.compose.container-number": number,
        ]
    }

    private static func swarm(_ slot: String, task: String, service: String = "shop_canvas") -> [String: String] {
        [
            "com.docker.swarm.service.name": service, "com.docker.swarm.task.id": task,
            "com.docker.swarm.task.name": "\(service).\(slot).\(task)", "com.docker.stack.namespace": "shop",
            "com.docker.swarm.node.id": "node1",
        ]
    }

    private static func kamal(_ role: String = "web", destination: String? = nil) -> [String: String] {
        var labels = ["service": "canvas", "role": role]
        labels["destination"] = destination
        return labels
    }

    private static func nomad(_ allocation: String, task: String = "canvas") -> [String: String] {
        [
            "com.hashicorp.nomad.alloc_id": allocation, "com.hashicorp.nomad.job_name": "shop",
            "com.hashicorp.nomad.task_group_name": "web", "com.hashicorp.nomad.task_name": task,
        ]
    }

    private static let stopped: [Row] = [
        Row("A stopped container that nothing replaced counts", [.ended("a", created: 1)], ["a"]),
        Row(
            "A stopped container is replaced by a later running one",
            [.ended("a", created: 1), .up("b", created: 2)], ["b"], leftOut: ["a replaced"]),
        Row(
            "A stopped container that is newer than the running one counts",
            [.up("a", created: 1), .ended("b", created: 2)],
            ["a", "b"]),
        Row(
            "A stopped container with the same creation time counts", [.ended("a", created: 1), .up("b", created: 1)],
            ["a", "b"]),
        Row(
            "A stopped container without a creation time counts", [.ended("a", created: nil), .up("b", created: 2)],
            ["a", "b"]),
        Row(
            "A container that the engine is restarting counts",
            [.up("a", created: 1, status: "restarting"), .up("b", created: 2)], ["a", "b"]),
        Row("A paused one counts", [.up("a", created: 1, status: "paused"), .up("b", created: 2)], ["a", "b"]),
        Row(
            "Two stopped containers without labels both count",
            [.ended("a", created: 1), .ended("b", created: 2)], ["a", "b"]),
        Row(
            "A container in an unknown state counts",
            [Made(name: "a", created: 1, started: 1, status: "teleported"), .up("b", created: 2)], ["a", "b"]),
        Row(
            "A container that never started is replaced like any other",
            [Made(name: "a", created: 1, status: "created"), .up("b", created: 2)], ["b"], leftOut: ["a replaced"]),
        Row(
            "A failed rollback counts: it was started after its replacement",
            [.ended("a", created: 1, started: 9), .up("b", created: 2)], ["a", "b"]),
        Row(
            "A crash loop is replaced by the deployment that stopped it",
            [.ended("a", created: 1, started: 9, restarts: 40), .up("b", created: 2)], ["b"], leftOut: ["a replaced"]),
        Row(
            "Blue and green both count while both run", [.up("blue", created: 1), .up("green", created: 2)],
            ["blue", "green"]),
        Row(
            "A unit that recreates its container leaves no other", "container:systemd-canvas",
            [.up("systemd-canvas", ["PODMAN_SYSTEMD_UNIT": "canvas.service"], created: 7)], ["systemd-canvas"]),
        Row(
            "A crashed container that its unit keeps counts", "container:systemd-canvas",
            [.ended("systemd-canvas", ["PODMAN_SYSTEMD_UNIT": "canvas.service"], created: 7)], ["systemd-canvas"]),
    ]

    private static let composed: [Row] = [
        Row(
            "After an interrupted recreate of Compose v1, the renamed container is replaced", "compose:canvas",
            [.ended("9c1b31a84123_canvas-1", compose(), created: 1), .up("canvas-1", compose(), created: 2)],
            ["canvas-1"], leftOut: ["9c1b31a84123_canvas-1 replaced"]),
        Row(
            "After an interrupted recreate of Compose v2, the waiting container counts", "compose:canvas",
            [
                Made(name: "9c1b31a84123_canvas-1", labels: compose(), created: 2, status: "created"),
                .up("canvas-1", compose(), created: 1),
            ], ["9c1b31a84123_canvas-1", "canvas-1"]),
        Row(
            "During a recreate of Compose, the waiting container replaces the stopped one", "compose:canvas",
            [
                Made(name: "9c1b31a84123_canvas-1", labels: compose(), created: 2, status: "created"),
                .ended("canvas-1", compose(), created: 1),
            ], ["9c1b31a84123_canvas-1"], leftOut: ["canvas-1 replaced"]),
        Row(
            "A stopped replica counts if no container has its number", "compose:canvas",
            [
                .up("canvas-1", compose("1"), created: 5), .ended("canvas-2", compose("2"), created: 1),
                .up("canvas-3", compose("3"), created: 9),
            ], ["canvas-1", "canvas-2", "canvas-3"]),
        Row(
            "A container without a number can be any replica", "compose:canvas",
            [.ended("a", compose(nil), created: 1), .up("b", compose("1"), created: 2)], ["b"],
            leftOut: ["a replaced"]),
        Row(
            "podman-compose numbers its replicas, too", "compose:canvas",
            [
                .ended("shop_canvas_1", podman("1"), created: 1), .up("shop_canvas_1b", podman("1"), created: 2),
                .ended("shop_canvas_2", podman("2"), created: 1),
            ], ["shop_canvas_1b", "shop_canvas_2"], leftOut: ["shop_canvas_1 replaced"]),
        Row(
            "Two projects are ambiguous for a service alone", "compose:canvas",
            [.up("a", compose(), created: 1), .up("b", compose(project: "shop-staging"), created: 2)], ["a", "b"],
            projects: ["shop", "shop-staging"]),
        Row(
            "A project whose container is stopped is not replaced by another project's", "compose:canvas",
            [.ended("a", compose(), created: 1), .up("b", compose(project: "shop-staging"), created: 2)], ["a", "b"],
            projects: ["shop", "shop-staging"]),
        Row(
            "A container without a project is of another deployment", "compose:canvas",
            [.up("a", compose(project: nil), created: 1), .up("b", compose(), created: 2)], ["a", "b"],
            projects: ["", "shop"]),
        Row(
            "Selected by image, another project's stopped container counts",
            "image:registry.example/canvas",
            [.ended("a", compose(), created: 1), .up("b", compose(project: "shop-staging"), created: 2)], ["a", "b"]),
        Row(
            "Selected with its project, a service is not ambiguous", "compose:shop/canvas",
            [.up("a", compose(), created: 1)], ["a"]),
    ]

    private static let oneOffs: [Row] = [
        Row(
            "docker compose run is left out, alone and running", "compose:canvas",
            [.up("run", compose(oneOff: "True"), created: 1)], [], leftOut: ["run one_off"]),
        Row(
            "docker compose run is left out beside an instance, running or not", "compose:canvas",
            [
                .up("a", compose(), created: 1), .ended("run-1", compose(oneOff: "True"), created: 2, code: 0),
                .up("run-2", compose(oneOff: "true"), created: 3),
            ], ["a"], leftOut: ["run-1 one_off", "run-2 one_off"]),
        Row(
            "A one-off does not make a project ambiguous, and replaces nothing", "compose:canvas",
            [
                .ended("a", compose(), created: 1),
                .up("run", compose(project: "scratch", oneOff: "True"), created: 3),
            ], ["a"], leftOut: ["run one_off"]),
    ]

    private static let explicitOneOffs: [Row] = [
        "label:app=canvas", "image:registry.example/canvas", "container:run", "compose:shop/canvas",
    ].map { selector in
        Row(
            "A one-off is left out for every selector: \(selector)", selector,
            [.up("run", compose(oneOff: "True"), created: 1)], [], leftOut: ["run one_off"])
    }

    private static let podmanOneOffs: [Row] = ["shop_canvas_tmp48213", "shop-canvas-tmp1"].map { name in
        Row(
            "podman-compose run is recognised by its name: \(name)", "compose:canvas",
            [.up("shop_canvas_1", podman("1"), created: 1), .ended(name, podman("1"), created: 2)],
            ["shop_canvas_1"], leftOut: ["\(name) one_off"])
    }

    private static let similarNames: [Row] = ["shop_canvas_tmp", "shop_canvas_tmpx1", "my_shop_canvas_tmp1"].map {
        name in
        Row(
            "A similar name does not make a one-off: \(name)", "compose:canvas",
            [.up(name, podman("1"), created: 1)], [name])
    }

    /// Five ended containers, each created a second after the previous one.
    private static func five(_ prefix: String, _ labels: (String) -> [String: String]) -> [Made] {
        (1...5).map { number in
            let name = "\(prefix)\(number)"
            return .ended(name, labels(name), created: number)
        }
    }

    private static let orchestrated: [Row] = [
        Row(
            "Swarm keeps five dead tasks of a slot", "swarm:shop_canvas",
            five("t") { swarm("1", task: $0) }
                + [.up("t6", swarm("1", task: "t6"), created: 6)],
            ["t6"], leftOut: (1...5).map { "t\($0) replaced" }),
        Row(
            "Of five dead tasks without a running one, the last counts", "swarm:shop_canvas",
            five("t") { swarm("1", task: $0) },
            ["t5"], leftOut: (1...4).map { "t\($0) replaced" }),
        Row(
            "A dead task of another slot counts", "swarm:shop_canvas",
            [.up("t1", swarm("1", task: "t1"), created: 5), .ended("t2", swarm("2", task: "t2"), created: 1)],
            ["t1", "t2"]),
        Row(
            "Two running tasks of one slot both count", "swarm:shop_canvas",
            [.up("t1", swarm("1", task: "t1"), created: 1), .up("t2", swarm("1", task: "t2"), created: 2)],
            ["t1", "t2"]),
        Row(
            "A global service has one slot on each node", "swarm:shop_canvas",
            [.ended("t1", swarm("node1", task: "t1"), created: 1), .up("t2", swarm("node1", task: "t2"), created: 2)],
            ["t2"], leftOut: ["t1 replaced"]),
        Row(
            "A service name with dots is parsed correctly", "swarm:a.b",
            [
                .ended("t1", swarm("2", task: "t1", service: "a.b"), created: 1),
                .up("t2", swarm("1", task: "t2", service: "a.b"), created: 2),
            ], ["t1", "t2"]),
        Row(
            "Kamal keeps five stopped versions", "label:service=canvas",
            five("canvas-web-v") { _ in kamal() }
                + [.up("canvas-web-v6", kamal(), created: 6)],
            ["canvas-web-v6"], leftOut: (1...5).map { "canvas-web-v\($0) replaced" }),
        Row(
            "Kamal renames a version that is deployed again", "label:service=canvas",
            [
                .ended("canvas-web-v1_replaced_a1b2c3", kamal(), created: 1),
                .up("canvas-web-v1", kamal(), created: 2),
            ], ["canvas-web-v1"], leftOut: ["canvas-web-v1_replaced_a1b2c3 replaced"]),
        Row(
            "Kamal's new version boots beside the old one, and both count", "label:service=canvas",
            [.up("canvas-web-v1", kamal(), created: 1), .up("canvas-web-v2", kamal(), created: 2)],
            ["canvas-web-v1", "canvas-web-v2"]),
        Row(
            "Kamal's new version counts if it dies during boot", "label:service=canvas",
            [.up("canvas-web-v1", kamal(), created: 1), .ended("canvas-web-v2", kamal(), created: 2)],
            ["canvas-web-v1", "canvas-web-v2"]),
        Row(
            "A role is not replaced by another role", "label:service=canvas",
            [.ended("canvas-job-v1", kamal("job"), created: 1), .up("canvas-web-v1", kamal(), created: 2)],
            ["canvas-job-v1", "canvas-web-v1"]),
        Row(
            "A destination is not replaced by another on the same host", "label:service=canvas",
            [
                .ended("canvas-web-v1", kamal(), created: 1),
                .up("canvas-web-staging-v1", kamal(destination: "staging"), created: 2),
            ], ["canvas-web-v1", "canvas-web-staging-v1"]),
        Row(
            "A dead Nomad allocation is replaced by the next", "label:com.hashicorp.nomad.job_name=shop",
            [.ended("canvas-a1", nomad("a1"), created: 1), .up("canvas-a2", nomad("a2"), created: 2)],
            ["canvas-a2"], leftOut: ["canvas-a1 replaced"]),
        Row(
            "A dead task of another name in the same Nomad job counts", "label:com.hashicorp.nomad.job_name=shop",
            [.ended("proxy-a1", nomad("a1", task: "proxy"), created: 1), .up("canvas-a1", nomad("a1"), created: 2)],
            ["proxy-a1", "canvas-a1"]),
        Row(
            "Nomad's pause container holds a network", "label:com.hashicorp.nomad.alloc_id=a1",
            [
                .up("nomad_init_a1", ["com.hashicorp.nomad.alloc_id": "a1"], created: 1),
                .up("canvas-a1", nomad("a1"), created: 2),
            ], ["canvas-a1"], leftOut: ["nomad_init_a1 infrastructure"]),
        Row(
            "A pod's infrastructure on Podman holds namespaces",
            [
                Made(name: "0a1b2c3d4e5f-infra", created: 1, started: 1, status: "running", isInfrastructure: true),
                .up("canvas", created: 2),
            ], ["canvas"], leftOut: ["0a1b2c3d4e5f-infra infrastructure"]),
        Row(
            "A Kubernetes sandbox is left out", "label:app=canvas",
            [
                .up("k8s_POD_canvas", ["io.kubernetes.docker.type": "podsandbox"], created: 1),
                .up("k8s_canvas", ["io.kubernetes.docker.type": "container"], created: 2),
            ], ["k8s_canvas"], leftOut: ["k8s_POD_canvas infrastructure"]),
    ]

    private static let tasks: [Row] = [
        Row(
            "A migration that the service waits for is a task once it has ended",
            [
                .ended("migrate", compose(service: "migrate", dependsOn: ""), created: 1, code: 0),
                .up(
                    "web", compose(dependsOn: "db:service_healthy:false,migrate:service_completed_successfully:false"),
                    created: 1),
            ], ["web"], leftOut: ["migrate task"]),
        Row(
            "It is a task also while the service waits for another dependency",
            [
                .ended("migrate", compose(service: "migrate", dependsOn: ""), created: 1, code: 0),
                Made(
                    name: "web", labels: compose(dependsOn: "migrate:service_completed_successfully:false"),
                    created: 1, status: "created"),
            ], ["web"], leftOut: ["migrate task"]),
        Row(
            "A migration that is run again later is still a task",
            [
                .ended("migrate", compose(service: "migrate", dependsOn: ""), created: 8, code: 0),
                .up("web", compose(dependsOn: "migrate:service_completed_successfully:false"), created: 1),
            ], ["web"], leftOut: ["migrate task"]),
        Row(
            "A migration that fails counts",
            [
                .ended("migrate", compose(service: "migrate", dependsOn: ""), created: 1, code: 1),
                .up("web", compose(dependsOn: "migrate:service_completed_successfully:false"), created: 1),
            ], ["migrate", "web"]),
        Row(
            "A worker that ends with 0 counts if no service waits for it",
            [
                .ended("worker", compose(service: "worker", dependsOn: ""), created: 1, finished: 2, code: 0),
                .up("web", compose(dependsOn: "worker:service_started:false"), created: 1, started: 3),
            ], ["worker", "web"]),
        Row(
            "Another project's service does not make a task",
            [
                .ended("migrate", compose(project: "other", service: "migrate"), created: 1, code: 0),
                .up("web", compose(dependsOn: "migrate:service_completed_successfully:false"), created: 1),
            ], ["migrate", "web"]),
        Row(
            "Without such labels, a container that ended with 0 before the service started is a task",
            [
                .ended("migrate", compose(service: "migrate"), created: 1, finished: 3, code: 0),
                .up("web", compose(), created: 1, started: 4),
            ], ["web"], leftOut: ["migrate task"]),
        Row(
            "Without such labels, a container that ended later counts",
            [
                .ended("worker", compose(service: "worker"), created: 1, finished: 5, code: 0),
                .up("web", compose(), created: 1, started: 4),
            ], ["worker", "web"]),
        Row(
            "Without such labels, a container with a restart policy counts",
            [
                .ended("worker", compose(service: "worker"), created: 1, finished: 3, code: 0, policy: "on-failure"),
                .up("web", compose(), created: 1, started: 4),
            ], ["worker", "web"]),
        Row(
            "A container of the service itself counts", "compose:canvas",
            [
                .ended("canvas-1", compose("1", dependsOn: ""), created: 1, finished: 2, code: 0),
                .up(
                    "canvas-2", compose("2", dependsOn: "canvas:service_completed_successfully:false"), created: 1,
                    started: 3),
            ], ["canvas-1", "canvas-2"]),
    ]

    private static let all: [Row] = [
        stopped, composed, oneOffs, explicitOneOffs, podmanOneOffs, similarNames, orchestrated, tasks,
    ].flatMap { $0 }

    @Test("Field 7: every container is an instance or left out with a reason", arguments: all)
    func rows(row: Row) throws {
        let containers = try row.containers.enumerated().map { try $0.element.facts($0.offset) }
        for order in [containers, containers.reversed()] {
            let selection = InstanceSelection(order, selector: try Selector(parsing: row.selector))
            #expect(Set(selection.instances.map(\.name)) == Set(row.instances))
            #expect(Set(selection.leftOut.map { "\($0.container.name) \($0.reason.rawValue)" }) == Set(row.leftOut))
            #expect(selection.instances.count + selection.leftOut.count == containers.count)
            #expect(selection.ambiguousProjects.map { $0 ?? "" } == row.projects)
        }
    }

    @Test("Every running container is an instance, unless it is a one-off or infrastructure")
    func running() throws {
        for row in Self.all {
            let containers = try row.containers.enumerated().map { try $0.element.facts($0.offset) }
            let selection = InstanceSelection(containers, selector: try Selector(parsing: row.selector))
            for leftOut in selection.leftOut where leftOut.container.state.isUp {
                #expect([.oneOff, .infrastructure].contains(leftOut.reason), "\(row)")
            }
        }
    }

    @Test(
        "Engine times compare in any zone and to the nanosecond",
        arguments: [
            ("2026-11-20T10:00:00.000000001Z", "2026-11-20T10:00:00.000000002Z"),
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.1Z"),
            ("2026-11-20T10:00:00.5+02:00", "2026-11-20T08:00:00.500000001Z"),
            ("2026-11-20T23:59:59.999999999-05:00", "2026-11-21T05:00:00Z"),
            ("1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z"),
        ])
    func times(earlier: String, later: String) throws {
        #expect(try #require(EngineTime(earlier)) < #require(EngineTime(later)))
        #expect(EngineTime(later) == EngineTime(later))
    }

    @Test("An invalid time and the zero time are nil", arguments: ["0001-01-01T00:00:00Z", "", "now", "2026-11-20"])
    func noTime(text: String) { #expect(EngineTime(text) == nil) }
}
