/* dav1d with one thread: locks do nothing, and no thread is started. */
#pragma once
typedef int pthread_t, pthread_attr_t, pthread_mutex_t, pthread_cond_t, pthread_once_t;
#define PTHREAD_MUTEX_INITIALIZER 0
#define PTHREAD_ONCE_INIT 0
#define pthread_create(t, a, f, x) ((void)(f), 1)
#define pthread_join(t, r) 0
#define pthread_attr_init(a) 0
#define pthread_attr_destroy(a) 0
#define pthread_attr_setstacksize(a, n) 0
#define pthread_mutex_init(m, a) 0
#define pthread_mutex_destroy(m) 0
#define pthread_mutex_lock(m) ((void)(m))
#define pthread_mutex_unlock(m) ((void)(m))
#define pthread_cond_init(c, a) 0
#define pthread_cond_destroy(c) 0
#define pthread_cond_wait(c, m) ((void)0)
#define pthread_cond_signal(c) ((void)0)
#define pthread_cond_broadcast(c) ((void)0)
static inline int pthread_once(pthread_once_t *once, void (*run)(void)) {
  if (!*once) { *once = 1; run(); }
  return 0;
}
