def balance(problem, routes, *, seed):
    return routes
