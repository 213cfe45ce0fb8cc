// SPDX-License-Identifier: Apache-2.0

extension TemplateEvaluator {
    /// How a statement ends.
    enum Flow {
        case goesOn, breaksLoop, continuesLoop
    }

    func execute(
        _ statements: [TemplateStatement], _ scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        for statement in statements {
            let flow: Flow
            do throws(TemplateError) {
                flow = try execute(statement, scope)
            } catch {
                var error = error
                if error.line == nil { error.line = statement.line }
                throw error
            }
            if flow != .goesOn { return flow }
        }
        return .goesOn
    }

    private func execute(
        _ statement: TemplateStatement, _ scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let value): try write(try text(of: try evaluate(value, scope)))
        case .set(let target, let value): try assign(try evaluate(value, scope), to: target, scope)
        case .conditional(let branches, let otherwise):
            return try nested { () throws(TemplateError) in
                try run(branches, otherwise, scope)
            }
        case .loop(let loop):
            return try nested { () throws(TemplateError) in
                let items = try elements(of: try evaluate(loop.elements, scope))
                return try run(loop, over: items, depth0: 0, in: scope)
            }
        case .macro(let definition):
            scope.set(definition.name, .object(keep(MacroObject(definition, in: scope))))
        case .breakLoop: return .breaksLoop
        case .continueLoop: return .continuesLoop
        case .loading(let tag):
            throw TemplateError(.unsupported, "a chat template cannot use '\(tag)'")
        default:
            return try nested { () throws(TemplateError) in try executeBlock(statement, scope) }
        }
        return .goesOn
    }

    /// Statements whose bodies have a scope of their own.
    private func executeBlock(
        _ statement: TemplateStatement, _ scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        let inner = TemplateScope(parent: scope)
        switch statement.kind {
        case .setBlock(let target, let filters, let body):
            var flow = Flow.goesOn
            let text = try capture { () throws(TemplateError) in flow = try execute(body, inner) }
            guard flow == .goesOn else { return flow }
            try assign(try apply(filters, to: .string(text), scope), to: target, scope)
        case .filterBlock(let filters, let body):
            var flow = Flow.goesOn
            let text = try capture { () throws(TemplateError) in flow = try execute(body, inner) }
            guard flow == .goesOn else { return flow }
            try write(try self.text(of: try apply(filters, to: .string(text), scope)))
        case .callBlock(let definition, let call):
            let caller = keep(MacroObject(definition, in: scope))
            try write(try text(of: try evaluate(call, calledBy: caller, scope)))
        case .with(let bindings, let body):
            let values = try bindings.map { (binding) throws(TemplateError) in
                try evaluate(binding.1, scope)
            }
            for (binding, value) in zip(bindings, values) {
                try assign(value, to: binding.0, inner)
            }
            return try execute(body, inner)
        case .generation(let body): return try execute(body, inner)
        case .autoescape(let flag, let body):
            guard try !evaluate(flag, scope).isTrue else {
                throw TemplateError(.unsupported, "a chat template cannot escape HTML by itself")
            }
            return try execute(body, inner)
        case .block(_, let isScoped, let body):
            return try execute(body, isScoped ? inner : TemplateScope(parent: topScope))
        default: break
        }
        return .goesOn
    }

    private func run(
        _ branches: [TemplateStatement.Branch], _ otherwise: [TemplateStatement],
        _ scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        for branch in branches {
            try charge()
            if try evaluate(branch.test, scope).isTrue { return try execute(branch.body, scope) }
        }
        return try execute(otherwise, scope)
    }

    /// Runs a loop's body for each element that passes its test.
    func run(
        _ loop: TemplateStatement.Loop, over elements: [TemplateValue], depth0: Int,
        in scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        let items = try filter(elements, by: loop, scope)
        let object = keep(
            LoopObject(items, depth0: depth0, recursion: loop.isRecursive ? (loop, scope) : nil))
        // As in Jinja, a turn that `break` or `continue` ends does not count.
        var hasFinishedTurn = false
        for (index, item) in items.enumerated() {
            try charge()
            object.index0 = index
            let inner = TemplateScope(parent: scope)
            inner.set("loop", .object(object))
            try assign(item, to: loop.target, inner)
            switch try execute(loop.body, inner) {
            case .goesOn: hasFinishedTurn = true
            case .continuesLoop: continue
            case .breaksLoop:
                return hasFinishedTurn ? .goesOn : try executeElse(loop, scope)
            }
        }
        return hasFinishedTurn ? .goesOn : try executeElse(loop, scope)
    }

    private func executeElse(
        _ loop: TemplateStatement.Loop, _ scope: TemplateScope
    ) throws(TemplateError) -> Flow {
        loop.otherwise.isEmpty
            ? .goesOn : try execute(loop.otherwise, TemplateScope(parent: scope))
    }

    private func filter(
        _ elements: [TemplateValue], by loop: TemplateStatement.Loop, _ scope: TemplateScope
    ) throws(TemplateError) -> [TemplateValue] {
        guard let test = loop.test else { return elements }
        var kept: [TemplateValue] = []
        for element in elements {
            let inner = TemplateScope(parent: scope)
            try assign(element, to: loop.target, inner)
            if try evaluate(test, inner).isTrue { kept.append(element) }
        }
        return kept
    }

    private func assign(
        _ value: TemplateValue, to target: TemplateTarget, _ scope: TemplateScope
    ) throws(TemplateError) {
        switch target {
        case .name(let name): scope.set(name, value)
        case .attribute(let owner, let name):
            guard case .object(let object)? = scope.value(of: owner),
                let namespace = object as? NamespaceObject
            else { throw .type("cannot assign attribute on non-namespace object") }
            try namespace.set(name, value)
        case .tuple(let targets):
            let items = try elements(of: value)
            guard items.count == targets.count else {
                throw .value(
                    "\(items.count < targets.count ? "not enough" : "too many") values to unpack "
                        + "(expected \(targets.count), got \(items.count))")
            }
            for (target, item) in zip(targets, items) { try assign(item, to: target, scope) }
        }
    }
}
